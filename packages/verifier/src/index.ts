/** From a reference to a decision: gathers facts about an image and has policy judge them. */
export type { GatheredImage } from './gather-image.ts';
export type { Verification, VerifierDependencies, VerifyRequest } from './verify-image.ts';
export { verifyImage } from './verify-image.ts';
export { toVouchedImage, type VouchedImage } from './vouched-target.ts';
