export { type AnswerParts, createSignerListener, signerServerOptions } from './answer.ts';
export { type AuditEntry, verifyAuditLog } from './audit-log.ts';
export { createSigner, type SignerParts, type SignerService } from './create-signer.ts';
export type { Place } from './document.ts';
export { SignerError, type SignerErrorCode, type SignerErrorDetail } from './errors.ts';
export { listenSigner, type SignerAddress, type SignerListening } from './listen.ts';
export { type SignerConfig, signerConfigSchema } from './rules.ts';
