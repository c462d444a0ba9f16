// The names of Keras 3's layers, losses and the rest, what docs/layers.md compares ours with: all classes that keras/api of
// Keras 3.16 exports, without second names (AvgPool1D), frames (Wrapper) and wrappers of other libraries' models.

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const kerasNames = {
  layers: words(`
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average
    AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop
    Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
    EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity IntegerLookup LSTM LSTMCell Lambda
    LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp
    MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram
    SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract TernaryDense TextVectorization TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D`),
  activations: words(`
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid log_softmax
    mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh
    tanh_shrink threshold`),
  losses: words(`
    BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalGeneralizedCrossEntropy CategoricalHinge
    Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError
    MeanSquaredError MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky`),
  metrics: words(`
    AUC Accuracy BinaryAccuracy BinaryIoU CategoricalAccuracy ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives IoU
    Mean MeanIoU OneHotIoU OneHotMeanIoU PearsonCorrelation Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
    SensitivityAtSpecificity SparseCategoricalAccuracy SparseTopKCategoricalAccuracy SpecificityAtSensitivity Sum
    TopKCategoricalAccuracy TrueNegatives TruePositives`),
  // Without LossScaleOptimizer, which is the function withLossScaling.
  optimizers: words(`
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion MultiOptimizer Muon Nadam RMSprop
    SGD ScheduleFreeAdamW`),
  schedules: words(`
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay`),
  initializers: words(`
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal RandomNormal
    RandomUniform STFT TruncatedNormal VarianceScaling Zeros`),
  regularizers: words("L1 L1L2 L2 OrthogonalRegularizer"),
  constraints: words("MaxNorm MinMaxNorm NonNeg UnitNorm"),
} as const;

export type Kind = keyof typeof kerasNames;

/** Keras's name, or another library's, of what has another with us. */
export const otherNames: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  layers: { GaussianBlur: "RandomGaussianBlur", GroupedQueryAttention: "GroupQueryAttention" },
  activations: { hardSwish: "hard_silu" },
  metrics: { sensitivity: "Recall" },
  schedules: { piecewiseConstant: "PiecewiseConstantDecay" },
  regularizers: { orthogonal: "OrthogonalRegularizer" },
};

/** What is otherwise than in Keras, where it is. */
export const differences: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  layers: {
    Discretization: "`adapt` takes exact quantiles; Keras approximates them",
    Embedding: "ids out of range are refused where they can be seen, and else give zeros",
    AdditiveAttention: "`useCausalMask` and `returnAttentionScores` are given to the constructor",
    Attention: "`useCausalMask` and `returnAttentionScores` are given to the constructor",
    GroupedQueryAttention: "as MultiHeadAttention",
    PositionEmbedding: "KerasHub's; where a sequence stands is known from a KeyValueCache",
    ReversibleEmbedding: "logits by `call({ reverse: x })`; no `reverse_dtype`",
    RotaryEmbedding: "KerasHub's; time is axis 1, features are the last",
    SinePositionEncoding: "KerasHub's",
    MultiHeadAttention:
      "`useCausalMask` and `returnAttentionScores` are given to the constructor, masks by name; no `attentionAxes`; a query that sees no key gives zeros",
    Lambda: "several inputs want an `outputShape`",
    TextVectorization: "on the host, before the model: it is called by itself",
    GaussianBlur: "all images of a batch are blurred, each by a strength of its own",
  },
  activations: {
    leakyRelu: "slope 0.2, as Keras's function; the layer `LeakyReLU` has 0.3, as Keras's layer",
    step: "not in Keras; its gradient is 0",
  },
  losses: {
    ctc: "no name in text; `blank`, `zeroInfinity`; a mask of the outputs gives lengths; too few steps are refused by `fit`",
    dice: "a sample is one region; Keras takes the batch for one",
  },
  metrics: {
    f1Score: "`average` is `macro`; Keras's default is none, one score a class",
    fBetaScore: "`average` is `macro`; Keras's default is none, one score a class",
    confusionMatrix: "not in Keras",
    specificity: "not in Keras by itself",
  },
  optimizers: {
    RAdam: "PyTorch's",
    Adafactor: "no `relativeStep`; see [optimizers](optimizers.md)",
    Ftrl: "a weight of which nothing is known stays; Keras gives NaN",
    Muon: "variables of three axes and more count as one matrix; Keras leaves those of four to AdamW",
  },
  schedules: {
    cyclic: "PyTorch's CyclicLR",
    oneCycle: "PyTorch's OneCycleLR",
  },
};
