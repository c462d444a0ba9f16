# Scaled features, bins and counted words by scikit-learn and numpy: python3 test/numbers/preprocessing.py
import json
import os
import string

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import StandardScaler

i = np.arange(40)
data = np.float32(np.sin(i * 1.7) * 3 + i % 5).astype(np.float64).reshape(8, 5)
scaler = StandardScaler().fit(data)
images = data.reshape(2, 4, 5)
by_row = StandardScaler().fit(images.transpose(0, 2, 1).reshape(-1, 4))

texts = [
    "The cat sat on the mat.",
    "The dog sat; the cat didn't!",
    "A cat, a dog & a mouse",
    "",
]
seen = texts + ["An unknown mouse sat on a dog-eared mat"]


def words(text):
    return text.lower().translate(str.maketrans("", "", string.punctuation)).split()


def counted(ngrams):
    vectorizer = CountVectorizer(analyzer="word", tokenizer=str.split, preprocessor=lambda t: " ".join(words(t)),
                                 ngram_range=ngrams, token_pattern=None).fit(texts)
    counts = np.asarray(vectorizer.transform(texts).todense())
    names = vectorizer.get_feature_names_out()
    # Keras's order: by how often, and backwards by the alphabet.
    order = sorted(range(len(names)), key=lambda k: (counts[:, k].sum(), names[k]), reverse=True)
    found = np.asarray(vectorizer.transform(seen).todense())[:, order]
    total = np.asarray(CountVectorizer(analyzer="word", tokenizer=str.split, ngram_range=ngrams, token_pattern=None,
                                       preprocessor=lambda t: " ".join(words(t))).fit_transform(seen).sum(1)).ravel()
    rows = np.concatenate([(total - found.sum(1))[:, None], found], 1)
    holders = (counts[:, order] > 0).sum(0)
    weights = np.log(1 + len(texts) / (1 + holders))
    factors = np.concatenate([[weights.mean()], weights])
    return {"vocabulary": [str(names[k]) for k in order], "count": rows.tolist(), "tfIdf": (rows * factors).tolist()}


bins = np.float32(np.sin(np.arange(37) * 2.3) * 5).astype(np.float64)
boundaries = np.quantile(bins, np.arange(1, 6) / 6, method="interpolated_inverted_cdf")
results = {
    "scaled": scaler.transform(data).ravel().tolist(),
    "mean": scaler.mean_.tolist(),
    "variance": scaler.var_.tolist(),
    "scaledByRow": by_row.transform(images.transpose(0, 2, 1).reshape(-1, 4)).reshape(2, 5, 4).transpose(0, 2, 1).ravel().tolist(),
    "scaledAsOne": ((data - data.mean()) / data.std()).ravel().tolist(),
    "boundaries": boundaries.tolist(),
    "bins": np.digitize(bins, boundaries).tolist(),
    "given": np.digitize(bins, [-2.0, 0.5, 3.0]).tolist(),
    "texts": texts,
    "seen": seen,
    "words": counted((1, 1)),
    "pairs": counted((1, 2)),
}
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "preprocessing.json"), "w") as file:
    json.dump(results, file, separators=(",", ":"))
    file.write("\n")
