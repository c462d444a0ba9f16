// Calls that wait for an object's collection.

/**
 * Calls what was registered with an object once the object was collected; what is called must not hold the object.
 *
 * It lives as long as the module, as every registry here must: where V8 (Node 20, 22 and 24) collects a registry whose calls
 * are due, it calls no registry's any more, in the whole process, and what is dropped without `dispose()` is never freed.
 */
export const finalizers = new FinalizationRegistry<() => void>((call) => call());
