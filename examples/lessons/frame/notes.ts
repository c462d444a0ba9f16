// The five course notes, by number.

export const notes = [
  { number: "000", title: "deep neural networks", korean: "Deep Neural Network" },
  { number: "001", title: "better deep networks", korean: "심층신경망 성능향상" },
  { number: "002", title: "deep learning", korean: "Deep Learning" },
  { number: "003", title: "ways to improve a model", korean: "Deep Neural Networks 모델 성능 개선 기법들" },
  { number: "004", title: "deep networks and optimizers", korean: "심층신경망(DNN)" },
] as const;
