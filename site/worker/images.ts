// The samples of images that the site brings: pixels and labels in one file each, fetched when they are asked for.

export interface Images {
  /** [count, 28, 28, 1] */
  readonly images: Uint8Array<ArrayBuffer>;
  /** [count] */
  readonly labels: Uint8Array<ArrayBuffer>;
}

const pixels = 28 * 28;
const found = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

/** The first `count` images of the sample called so, or all that there are. */
export async function fetchImages(name: string, count: number): Promise<Images> {
  const file = found.get(name) ?? load(name);
  found.set(name, file);
  const bytes = await file.catch((error: unknown) => {
    // Another try may find it.
    found.delete(name);
    throw error;
  });
  // Labels stand behind the pixels, image by image.
  const total = bytes.length / (pixels + 1);
  const used = Math.min(total, count);
  return {
    images: bytes.slice(0, used * pixels),
    labels: bytes.slice(total * pixels, total * pixels + used),
  };
}

async function load(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(`../samples/${name}.bin.gz`, self.location.href)).catch(
    () => undefined,
  );
  if (response?.ok !== true || response.body === null)
    throw new Error(`The images of ${name} could not be loaded; look at the network, or choose other data.`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // A server that calls the file's encoding gzip has had it unpacked already.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}
