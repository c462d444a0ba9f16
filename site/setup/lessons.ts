// Lessons as set-ups of the playground: what to look at, what to change, what to see then; with the course's Korean terms.

export interface Lesson {
  readonly name: string;
  readonly title: string;
  readonly korean: string;
  /** The set-up, as an address holds it. */
  readonly hash: string;
  readonly look: string;
  readonly change: string;
  readonly see: string;
  /** The measured lesson of docs/lessons. */
  readonly page: string;
}

const dense = (units: number, activation: string, more = "") =>
  `Dense(units:${units},activation:${activation}${more})`;
const times = (count: number, layer: string) => Array.from({ length: count }, () => layer).join("~");

export const lessons: readonly Lesson[] = [
  {
    name: "linear-stack",
    title: "Why networks need an activation",
    korean: "비선형 함수",
    hash: `data=circles&layers=${times(3, dense(16, "linear"))}`,
    look: "Three layers without activations, and points that no line can part. Train: the boundary stays a line, however long it takes.",
    change: "Set the activation of one layer to tanh.",
    see: "The boundary bends round the inner points at once. Layers without activations are one matrix, whatever their number.",
    page: "linear-stack",
  },
  {
    name: "initialization",
    title: "Starting weights that are all the same",
    korean: "가중치 초기화",
    hash: `data=circles&layers=${times(2, dense(12, "tanh", ",kernelInitializer:zeros"))}`,
    look: "All weights start at 0. Train and open Layers: all units of a layer show the same picture.",
    change: "Open More at both layers and choose glorotUniform.",
    see: "Units differ from the first step on, so their gradients differ, and the net learns.",
    page: "initialization",
  },
  {
    name: "vanishing-gradients",
    title: "Vanishing gradients",
    korean: "그레이디언트 소실 (Gradient Vanishing)",
    hash: `data=circles&opt=sgd&lr=0.3&layers=${times(7, dense(8, "sigmoid"))}`,
    look: "Seven layers of sigmoid. In Layers, the bars of the gradient get shorter towards the input: the first layers hardly learn.",
    change: "Set all activations to relu, or put BatchNormalization between the layers.",
    see: "The bars are of one length, and the loss falls.",
    page: "vanishing-gradients",
  },
  {
    name: "exploding-gradients",
    title: "Exploding gradients, and a limit for them",
    korean: "기울기 폭주 (Exploding)",
    hash: `data=hills&opt=sgd&lr=1.5&layers=${times(5, dense(24, "relu", ",kernelInitializer:heNormal"))}`,
    look: "Too large a rate for this net: the loss jumps, or becomes NaN within a few epochs.",
    change: "Set Gradient limit to 0.1 and press Reset.",
    see: "Steps are of bounded length: the loss stays a number.",
    page: "exploding-gradients",
  },
  {
    name: "dying-relu",
    title: "Dying ReLU",
    korean: "죽은 렐루 (dying ReLU)",
    hash: `data=hills&opt=adam&lr=0.3&layers=${times(2, dense(32, "relu"))}`,
    look: "Adam with a rate of 0.3. In Layers, units are marked that give 0 for every sample: they have no gradient, and stay so.",
    change: "Choose leakyRelu, or a rate of 0.01, and press Reset.",
    see: "No unit is dead: each keeps a slope to learn by.",
    page: "dying-relu",
  },
  {
    name: "overfitting",
    title: "Overfitting",
    korean: "과대적합 (Overfitting)",
    hash: `data=moons&n=60&noise=0.16&val=0.5&lr=0.01&layers=${times(3, dense(48, "relu"))}`,
    look: "Thirty noisy points and a large net. The training loss falls to 0; the validation loss turns, and rises.",
    change: "Raise Points to 1000, or take layers away.",
    see: "With more data, or less capacity, the two curves stay together.",
    page: "overfitting",
  },
  {
    name: "dropout",
    title: "Dropout against overfitting",
    korean: "드롭아웃 (Dropout)",
    hash: `data=moons&n=60&noise=0.16&val=0.5&lr=0.01&layers=${dense(48, "relu")}~Dropout(rate:0.5)~${dense(48, "relu")}~Dropout(rate:0.5)`,
    look: "The same thirty points, with half of the units left out in each step. The training curve is rough, and the validation loss rises later.",
    change: "Set both rates to 0, and to 0.8.",
    see: "Without dropout the net learns the noise; with too much of it, it learns too little.",
    page: "dropout",
  },
  {
    name: "l2",
    title: "L1 and L2: small weights",
    korean: "L1 규제 (Lasso), L2 규제 (Ridge)",
    hash: `data=moons&n=60&noise=0.16&val=0.5&lr=0.01&layers=${times(2, dense(48, "relu", ",regularizer:l2,strength:0.01"))}`,
    look: "A penalty of 0.01 on the squares of the weights: the boundary is smooth. In Layers, all weights stay small.",
    change: "Under More choose l1.",
    see: "Most weights become 0: L1 leaves few of them. The peak in the middle of the histogram says so.",
    page: "l1-sparsity",
  },
  {
    name: "learning-rates",
    title: "Learning rates, too small and too large",
    korean: "학습율 (learning rate)",
    hash: `data=circles&opt=sgd&lr=0.001&layers=${times(2, dense(12, "tanh"))}`,
    look: "A rate of 0.001: the loss hardly moves.",
    change: "While it trains, make it 0.1, then 1, then 10.",
    see: "Faster and faster, then rough, then no learning at all. The rate changes without starting anew.",
    page: "learning-rates",
  },
  {
    name: "momentum",
    title: "Momentum",
    korean: "모멘텀 (Momentum)",
    hash: `data=spiral&opt=sgd&lr=0.02&layers=${times(2, dense(24, "tanh"))}`,
    look: "Plain gradient descent on the spiral: slow.",
    change:
      "Choose SGD with momentum 0.9, then Adam. Lay the kept runs over each other under Runs and files.",
    see: "Past gradients add up along the valley, and the loss falls sooner.",
    page: "momentum",
  },
  {
    name: "batch-sizes",
    title: "Batch sizes: noise and time",
    korean: "배치 크기 (batch size)",
    hash: `data=moons&opt=sgd&lr=0.05&batch=1&layers=${dense(16, "tanh")}`,
    look: "One sample a step: 280 steps an epoch, and a rough curve.",
    change: "Choose a batch of 256.",
    see: "A smooth curve, few steps an epoch, and more epochs until it has learnt the same.",
    page: "batch-sizes",
  },
  {
    name: "batch-normalization",
    title: "Batch normalization",
    korean: "배치 정규화 (Batch Normalization)",
    hash: `data=circles&opt=sgd&lr=0.5&layers=${times(4, `${dense(12, "sigmoid")}~BatchNormalization`)}`,
    look: "Four layers of sigmoid that learn, since what each gives has mean 0 and deviation 1 before the next.",
    change: "Remove the BatchNormalization layers.",
    see: "The same net stands still.",
    page: "batch-normalization",
  },
  {
    name: "rate-decay",
    title: "Learning rate decay",
    korean: "학습율 조절 (Learning Rate Decay)",
    hash: `data=spiral&lr=0.05&schedule=cosine&decay=60&layers=${times(2, dense(24, "relu"))}`,
    look: "The rate goes to 0 within 60 epochs, along a cosine: the curve ends calm.",
    change: "Choose Constant.",
    see: "The loss gets as low, but never comes to rest.",
    page: "rate-decay",
  },
  {
    name: "back-propagation",
    title: "Back-propagation, step by step",
    korean: "역전파 (Back Propagation)",
    hash: `data=xor&batch=4&layers=${dense(2, "sigmoid")}`,
    look: "A net of two hidden units. Open Step by step: each op forward, then the gradient back through each, with formulas and numbers.",
    change: "Press Step, and take the numbers anew.",
    see: "Each weight has moved against its gradient.",
    page: "back-propagation",
  },
];

export const lessonOf = (hash: string): Lesson | undefined => {
  const name = new URLSearchParams(hash.replace(/^#/, "")).get("lesson");
  return lessons.find((lesson) => lesson.name === name);
};
