/** What a client judges by when its configuration names no policy: vouched for, not revoked, fresh. */
import type { Bundle } from './bundle.ts';
import { compilePolicies } from './compile.ts';

/** The built-in policy as YAML, for `vidimus policy init` and for people. */
export const BUILT_IN_POLICY = `apiVersion: vidimus.dev/v1
kind: TrustPolicy
metadata: {name: built-in, description: "a role vouches for the digest, nobody revoked it, the trust data is fresh"}
spec:
  mode: enforce
  match: {images: ["**"]}
  rules:
    - {id: vouched, require: {signatures: {allOf: [{tufRole: "*"}]}}}
    - {id: not-revoked, require: {revocation: {revoked: deny}}}
    - {id: fresh, require: {metadata: {}}}
`;

/** Compiles the built-in bundle; it matches every image. */
export function builtInBundle(): Bundle {
  const { bundle, errors } = compilePolicies([{ file: 'built-in', text: BUILT_IN_POLICY }]);
  if (bundle === undefined) throw errors[0] ?? new Error('the built-in policy does not compile');
  return bundle;
}
