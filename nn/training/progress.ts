// Shows how training goes: a live bar on a terminal, one line an epoch elsewhere, or nothing. Only text.

import { liveProgress } from "./live-progress.ts";
import { ofTotal, type Progress, showLogs } from "./progress-text.ts";
import { type Verbosity, verbosityOf } from "./verbosity.ts";

const silent: Progress = {
  begin() {},
  compiling() {},
  update() {},
  validating() {},
  end() {},
  stop() {},
};

/** @param print takes the lines; without it they go to the console, and a terminal gets the live bar */
export function makeProgress(verbose: Verbosity, epochs: number, print?: (line: string) => void): Progress {
  const verbosity = verbosityOf("fit", verbose);
  if (verbosity === 0) return silent;
  const live = verbosity === 1 && print === undefined ? liveProgress(epochs) : undefined;
  return live ?? lineProgress(epochs, print ?? ((line) => console.log(line)));
}

/** "Epoch 1/10 - 469/469 - 3.2s - loss: 0.3014 - accuracy: 0.9101 - valLoss: ..." */
function lineProgress(epochs: number, print: (line: string) => void): Progress {
  let epoch = 0;
  let total = 0;
  return {
    ...silent,
    begin(begun, steps) {
      epoch = begun;
      total = steps;
    },
    end(logs, seconds, steps) {
      print(
        `Epoch ${epoch + 1}/${epochs} - ${ofTotal(steps, total)} - ${seconds.toFixed(1)}s - ${showLogs(logs)}`,
      );
    },
  };
}
