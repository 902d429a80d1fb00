/** `vidimus doctor`: what works on this machine, what does not, and how to mend it. */
import { printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { checkAttention } from '../doctor/check-attention.ts';
import { checkConfig, checkPolicies, checkPulls } from '../doctor/check-client.ts';
import { checkMetadata, checkServers } from '../doctor/check-servers.ts';
import { type DoctorFinding, type DoctorGroup, doctorGroups } from '../doctor/finding.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatTime } from '../output/times.ts';
import { programVersion } from '../version.ts';

/** Each check with the groups it reports in. */
const checks: readonly {
  readonly groups: readonly DoctorGroup[];
  readonly check: (context: Context) => Promise<readonly DoctorFinding[]>;
}[] = [
  { groups: ['config'], check: checkConfig },
  { groups: ['server', 'clock'], check: checkServers },
  { groups: ['server'], check: checkAttention },
  { groups: ['metadata', 'outage'], check: checkMetadata },
  { groups: ['pulls'], check: checkPulls },
  { groups: ['policy'], check: checkPolicies },
];

/** Runs the checks, or those of one group; a failed one is exit 1. */
export async function doctor(context: Context, group: string | undefined): Promise<ExitCode> {
  const wanted = doctorGroups.find((name) => name === group);
  if (group !== undefined && wanted === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `there is no group ${group}`,
      `groups: ${doctorGroups.join(' ')}`,
    );
  }
  context.terminal.progress('looking ...');
  const asked = checks.filter(({ groups }) => wanted === undefined || groups.includes(wanted));
  const all = (await Promise.all(asked.map(({ check }) => check(context)))).flat();
  const findings = wanted === undefined ? all : all.filter((finding) => finding.group === wanted);
  const failed = findings.filter(({ state }) => state === 'FAIL').length;
  const warned = findings.filter(({ state }) => state === 'warn').length;
  if (context.options.json === true)
    context.json({ version: programVersion, findings, failed, warnings: warned });
  else print(context, findings, failed, warned);
  return failed > 0 ? exitCodes.denied : exitCodes.done;
}

function print(context: Context, findings: readonly DoctorFinding[], failed: number, warned: number): void {
  const { terminal, world } = context;
  terminal.out(`vidimus ${programVersion}, node ${process.versions.node}     ${formatTime(world.now())} UTC`);
  const colour = { ok: terminal.colors.green, warn: terminal.colors.yellow, FAIL: terminal.colors.red };
  for (const group of doctorGroups) {
    findings
      .filter((finding) => finding.group === group)
      .forEach((finding, position) => {
        const name = position === 0 ? group.toUpperCase() : '';
        terminal.out(
          `${name.padEnd(10)}${colour[finding.state](finding.state.padEnd(5))} ${printable(finding.text)}`,
        );
        if (finding.fix !== undefined) terminal.out(`${' '.repeat(16)}fix: ${printable(finding.fix)}`);
      });
  }
  terminal.out(`${failed} failed, ${warned} warnings`);
}
