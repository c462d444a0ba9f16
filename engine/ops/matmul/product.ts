// The sizes of a product and of its batch, and how matrices of a batch lie one after the other.

import { broadcastStrides, type Shape } from "../../base/shape.ts";

/** C [...batch, m, n] = op(A) op(B), op being transposition where its flag says so. */
export interface Product {
  /** The batch axes of A, of B, and what both broadcast to. */
  readonly aBatch: Shape;
  readonly bBatch: Shape;
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A lies as [k, m] instead of [m, k]. */
  readonly transposeA: boolean;
  /** B lies as [n, k] instead of [k, n]. */
  readonly transposeB: boolean;
}

export interface BatchAxis {
  readonly length: number;
  readonly a: number;
  readonly b: number;
}

/** The batch axes innermost first, without those of length 1, merged where both operands walk on evenly. */
function batchAxes({ aBatch, bBatch, batch, m, n, k }: Product): BatchAxis[] {
  const aStrides = broadcastStrides(aBatch, batch);
  const bStrides = broadcastStrides(bBatch, batch);
  const axes: BatchAxis[] = [];
  for (let i = batch.length - 1; i >= 0; i--) {
    const axis = { length: batch[i], a: aStrides[i] * m * k, b: bStrides[i] * k * n };
    if (axis.length === 1) continue;
    const inner = axes.at(-1);
    if (inner !== undefined && axis.a === inner.a * inner.length && axis.b === inner.b * inner.length) {
      axes[axes.length - 1] = { ...inner, length: inner.length * axis.length };
    } else axes.push(axis);
  }
  return axes;
}

/** Many matrices times one are one tall matrix times it, as long as their rows follow each other in memory. */
export function folded(product: Product): { product: Product; axes: BatchAxis[] } {
  const axes = batchAxes(product);
  const { m, k, transposeA } = product;
  if (transposeA || axes.length !== 1 || axes[0].b !== 0 || axes[0].a !== m * k) return { product, axes };
  return { product: { ...product, aBatch: [], bBatch: [], batch: [], m: axes[0].length * m }, axes: [] };
}
