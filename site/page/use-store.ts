// The store in components: they are drawn again when it has changed.

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { State, Store } from "./store.ts";

export const StoreContext = createContext<Store | undefined>(undefined);

export function useStore(): { store: Store; state: State } {
  const store = useContext(StoreContext) as Store;
  const [, redraw] = useReducer((count: number, _action: undefined) => count + 1, 0);
  useEffect(() => store.listen(() => redraw(undefined)), [store]);
  return { store, state: store.state };
}
