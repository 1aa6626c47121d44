/**
 * What is random in a test is made of this seed: the same in each run, so that none fails by chance. Whoever looks for what nobody
 * has thought of names another one in the environment (`SEED=4711 npm run test:unit`).
 */
export const seed = Number(process.env["SEED"] ?? 20261121);
