import { init, tensor, matmul, jit, grad, sum, mul, tidy, transpose } from "/work/wt/numbers/engine/index.ts";
const d = await init({ device: "webgpu" });
const K = 100_000;
for (const [m, n] of [[1, 1], [5, 7], [40, 36], [33, 1], [1, 40]]) {
  for (const kind of ["uniform", "equal", "alternating"]) {
    let s = 12345; const rnd = () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) / 2 ** 32);
    const gen = (len: number, w: number) => Float32Array.from({ length: len }, (_, i) => kind === "uniform" ? rnd() : kind === "equal" ? 0.1 : (Math.floor(i / w) % 2 ? -0.1 : 0.1));
    const a = gen(K * m, m), b = kind === "uniform" ? gen(K * n, n) : new Float32Array(K * n).fill(1);
    const want = new Float64Array(m * n), mag = new Float64Array(m * n);
    for (let k = 0; k < K; k++) for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) { const p = a[k * m + i] * b[k * n + j]; want[i * n + j] += p; mag[i * n + j] += Math.abs(p); }
    const at = tensor(a, { shape: [K, m] }), bt = tensor(b, { shape: [K, n] });
    const t0 = performance.now();
    const got = await matmul(at, bt, { transposeA: true }).data();
    const t1 = performance.now();
    let worst = 0; for (let i = 0; i < m * n; i++) worst = Math.max(worst, Math.abs(got[i] - want[i]) / mag[i]);
    console.log(m, n, kind, worst.toExponential(2), (t1 - t0).toFixed(0) + "ms");
    at.dispose(); bt.dispose();
  }
}
d.dispose();
