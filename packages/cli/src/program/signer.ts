/** `vidimus signer`: a process of its own for private keys. */
import type { Command } from 'commander';
import type { Runner } from './client-command.ts';

export function defineSigner(program: Command, runner: Runner): void {
  program
    .command('signer')
    .description('run the process that alone holds private keys, beside the trust service')
    .option('--data <dir>', 'data directory (default: vidimus-signer)')
    .option(
      '--listen <address>',
      'unix:PATH (default: signer.sock in the data directory), or HOST:PORT with TLS',
    )
    .option('--tls-cert <file>', 'certificate chain (PEM)')
    .option('--tls-key <file>', 'private key (PEM)')
    .option('--client-ca <file>', 'authorities that sign the certificates of its clients (PEM)')
    .option('--config <file>', 'configuration file')
    .option('--check-audit', 'verify the audit log and end')
    .option('--json', 'machine-readable output')
    .action((options) =>
      runner(options, async (c) => (await import('../signer/run-signer.ts')).runSigner(c, options)),
    );
}
