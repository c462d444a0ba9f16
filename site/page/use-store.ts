// The store in components: each is drawn again when what it reads has changed.

import { createContext } from "preact";
import { useContext, useEffect, useReducer, useRef } from "preact/hooks";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

export const StoreContext = createContext<Store | undefined>(undefined);

/**
 * The store, and what the component reads of its state: while a net trains, the state changes in most frames, and few
 * components want to know of it.
 */
export function useStore<K extends keyof State>(
  ...keys: readonly K[]
): { store: Store; state: Pick<State, K> } {
  const store = useContext(StoreContext) as Store;
  const [, redraw] = useReducer((count: number, _action: undefined) => count + 1, 0);
  const drawn = useRef(store.state);
  drawn.current = store.state;
  useEffect(() => {
    const look = () => {
      if (keys.some((key) => store.state[key] !== drawn.current[key])) redraw(undefined);
    };
    // Between drawing and listening it may have changed.
    look();
    return store.listen(look);
  }, [store]);
  return { store, state: store.state };
}
