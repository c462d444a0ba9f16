// The table that note 002 prints, compared byte for byte.

import { lesson } from "../frame/lesson.ts";
import { exactly, textOf } from "../frame/measured.ts";
import { summary } from "../note-002-summary.ts";

// The note's copy lost the lines of equal signs, which Keras prints.
const table = `Model: "sequential_3"
_________________________________________________________________
 Layer (type)                Output Shape              Param #   
=================================================================
 dense_7 (Dense)             (None, 8)                 40        
                                                                 
 dense_8 (Dense)             (None, 8)                 72        
                                                                 
 dense_9 (Dense)             (None, 3)                 27        
                                                                 
=================================================================
Total params: 139 (556.00 Byte)
Trainable params: 139 (556.00 Byte)
Non-trainable params: 0 (0.00 Byte)
_________________________________________________________________`;

export default lesson({
  name: "note-002-summary",
  title: "A network's table: layers, shapes, parameters",
  korean: "행렬곱으로 이해하는 신경망: 구현",
  notes: ["002"],
  topic: "The notes' own programs",
  experiments: ["E8"],
  about: `
A dense layer of n inputs and m units has n · m weights and m biases: 4 · 8 + 8 = 40, then 8 · 8 + 8 = 72 and 8 · 3 + 3 = 27.
\`summary()\` prints what Keras prints.

\`\`\`
${table}
\`\`\``,
  keras: `
model = Sequential()

model.add(Dense(8, input_dim=4, activation='relu'))

model.add(Dense(8, activation='relu'))

model.add(Dense(3, activation='softmax'))

model.summary()`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: summary,
  claims: [
    {
      note: "002",
      says: "summary() prints the table with 40, 72 and 27 parameters, 139 (556.00 Byte) in all.",
      judge: (runs) => exactly(runs, "summary", table),
    },
    { note: "002", says: "139 parameters.", judge: (runs) => exactly(runs, "parameters", 139) },
  ],
  figures: [],
  tables: ([run]) => [
    {
      title: "Printed here",
      rows: [
        ["layer", "shape", "parameters"],
        ...[...textOf(run, "summary").matchAll(/^ (\w+) \((\w+)\) +(\(.*?\)) +(\d+)/gm)].map(
          ([, name, , shape, count]) => [name, shape, count],
        ),
      ],
    },
  ],
});
