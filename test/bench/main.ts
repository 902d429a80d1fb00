/** `npm run bench [-- SECTION... --peer URL --peer-ca FILE]`: measures, prints, and after a whole run writes RESULTS.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cliSection } from './cli.ts';
import { decideSection } from './decide.ts';
import { httpSection } from './http.ts';
import { jsonSection } from './json.ts';
import { largeSection } from './large.ts';
import { formatRow } from './measure.ts';
import { notaryWireSection } from './notary-wire.ts';
import { policySection } from './policy.ts';
import { publishSection } from './publish.ts';
import { formatResults, type SectionResult } from './results.ts';
import type { Section } from './section.ts';
import { tufSection } from './tuf.ts';
import { openWorkshop } from './workshop.ts';

const all: readonly Section[] = [
  httpSection,
  publishSection,
  notaryWireSection,
  largeSection,
  decideSection,
  policySection,
  tufSection,
  jsonSection,
  cliSection,
];

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { peer: { type: 'string' }, 'peer-ca': { type: 'string' } },
});
const { peer, 'peer-ca': peerCaFile } = flags;
const peerCa = peerCaFile === undefined ? undefined : await readFile(peerCaFile, 'utf8');
const unknown = names.find((name) => !all.some((section) => section.name === name));
if (unknown !== undefined) {
  throw new Error(`no section ${unknown}: there are ${all.map(({ name }) => name).join(', ')}`);
}
const chosen = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));

const results: SectionResult[] = [];
for (const section of chosen) {
  // Each in a workshop of its own: no idle service costs the next section anything.
  const workshop = await openWorkshop({
    ...(peer === undefined ? {} : { peer }),
    ...(peerCa === undefined ? {} : { peerCa }),
  });
  try {
    console.log(`\n${section.name}: ${section.title}`);
    const rows = [];
    for await (const row of section.run(workshop)) {
      rows.push(row);
      console.log(formatRow(row));
    }
    results.push({ name: section.name, title: section.title, rows });
  } finally {
    await workshop.close();
  }
}

if (chosen.length === all.length) {
  await writeFile(new URL('./RESULTS.md', import.meta.url), formatResults(results));
}
// A reach that is missed fails nobody's build: the machine may be busy. It is printed, and people read.
process.exit();
