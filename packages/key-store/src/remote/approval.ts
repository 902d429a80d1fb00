/** What an approver signs: one document of one version in one place, so that no approval is good for another. */

/** An approver's signature over `approvalMessage`. */
export interface Approval {
  /** Material id of the approver's public key: hex SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  /** Base64. */
  readonly signature: string;
}

/** A document as an approval names it. */
export interface ApprovedDocument {
  readonly repository: string;
  readonly dialect: string;
  readonly role: string;
  readonly version: number;
  /** Hex SHA-256 of the canonical bytes that are signed. */
  readonly sha256: string;
}

/** The bytes an approver signs. None of the fields holds a line break, so no two documents have one message. */
export function approvalMessage({
  repository,
  dialect,
  role,
  version,
  sha256,
}: ApprovedDocument): Uint8Array {
  const lines = ['vidimus approval v1', repository, dialect, role, String(version), sha256, ''];
  return new TextEncoder().encode(lines.join('\n'));
}
