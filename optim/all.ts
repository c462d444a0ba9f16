// Every optimizer that comes with the package. A new one is a line here: it is exported then, and tested. By which names
// they are found stands in registry.ts.

export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adafactor, type AdafactorOptions } from "./adafactor.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export { Adamax, type AdamaxOptions } from "./adamax.ts";
export { Ftrl, type FtrlOptions } from "./ftrl.ts";
export { Lamb, type LambOptions } from "./lamb.ts";
export { Lion, type LionOptions } from "./lion.ts";
export { Muon, type MuonOptions } from "./muon.ts";
export { Nadam, type NadamOptions } from "./nadam.ts";
export { RAdam, type RAdamOptions } from "./radam.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { ScheduleFreeAdamW, type ScheduleFreeAdamWOptions } from "./schedule-free-adamw.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
