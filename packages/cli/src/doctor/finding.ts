/** What one check of `vidimus doctor` found. */

export const doctorGroups = ['config', 'server', 'clock', 'metadata', 'pulls', 'policy', 'outage'] as const;
export type DoctorGroup = (typeof doctorGroups)[number];

export interface DoctorFinding {
  readonly group: DoctorGroup;
  readonly state: 'ok' | 'warn' | 'FAIL';
  readonly text: string;
  /** A command or a sentence. */
  readonly fix?: string;
}
