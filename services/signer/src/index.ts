/** The signer: holds private keys, and signs role metadata that it has read and judged. */
export {};
