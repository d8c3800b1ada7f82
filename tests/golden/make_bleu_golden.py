# SPDX-License-Identifier: Apache-2.0
"""Writes bleu.json: texts with their BLEU and chrF2.

  python3 tests/golden/make_bleu_golden.py tests/golden

The scores are those of the slow, plain functions below, written from the
definition of the two measures. Where sacreBLEU is installed (pip install
sacrebleu) every score is compared with its, and the file says so; a difference
ends the script. PUBLISHED holds scores that sacreBLEU's own documentation and
tests state. The file is committed; the tests do not run this script.
"""

import collections
import json
import math
import pathlib
import re
import sys

try:
    import sacrebleu
except ImportError:
    sacrebleu = None

# (name, lowercase, [hypothesis], [[reference, ...], ...])
CASES = [
    ("equal", False, ["The cat sat on the mat."], [["The cat sat on the mat."]]),
    ("several references", False,
     ["The quick fox jumped.", "She has gone home already, I think."],
     [["A quick fox jumped.", "The fast fox jumped over it.", "The fox leapt."],
      ["She went home.", "I think she has already gone home, you know."]]),
    ("different numbers of references", False,
     ["one two three four five", "six seven eight nine ten"],
     [["one two three five four"],
      ["six seven eight", "seven eight nine ten eleven", "ten nine eight"]]),
    ("an empty hypothesis", False,
     ["", "A perfectly good translation of it."],
     [["Something was here."], ["A perfectly good translation of this."]]),
    ("nothing but empty hypotheses", False, ["", ""], [["a"], ["b c d e"]]),
    ("nothing in common", False, ["alpha beta gamma delta"],
     [["one two three four"]]),
    ("no 4-gram", False, ["yes indeed"], [["yes indeed"]]),
    ("no 4-gram right", False, ["he came to the house in the night"],
     [["he came to a house at night"]]),
    ("too short", False, ["the man"], [["the man walked down the long road"]]),
    ("closest length", False, ["a b c d e f"],
     [["a b c d e f g h", "a b c d", "x y z w v u t s r q"]]),
    ("marks", False,
     ['"Well," he said, "who\'s there?" (No one!) -- and/or [so]...'],
     [['"Well", he said; "who is there?" (no one) - and or so…']]),
    ("numbers", False,
     ["It cost 1,000.50 or 3.14% of 5-6 items, 1.,2 .5 7. and 10-year $5"],
     [["It costs 1,000.50, i.e. 3.14 % of 5 - 6 items; 1., 2 .5 7 , 10-year $5."]]),
    ("dots in a row", False, ["wait.. what...no ,,yes.,"],
     [["wait . . what ... no , , yes . ,"]]),
    ("accents", False, ["Él comió piñas, ¿verdad? Größe über alles «ça va»."],
     [["El comió piñas, ¿verdad? Grösse über alles « ça va ».",
       "Él comió las piñas; Größe über alles."]]),
    ("other scripts", False, ["日本語のテスト です 。", "Привет, мир! Как дела?"],
     [["日本語 の テスト です 。"], ["Привет мир! Как ваши дела?"]]),
    ("html entities", False,
     ["&quot;Tom &amp; Jerry&quot; &lt;b&gt; &amp;lt; &apos;"],
     [['"Tom & Jerry" <b> < \'']]),
    ("skipped", False, ["one <skipped>two three four five"],
     [["one two three four five"]]),
    ("white space", False, ["  a  b\tc\u00a0d\u3000e f\u0085g\u2009h \u200bi "],
     [["a b c d e f g h i"]]),
    ("case", False, ["THE Cat sat On the Mat today"],
     [["the cat sat on the mat today"]]),
    ("case ignored", True, ["THE Cat sat On the Mat today, ΟΔΟΣ ÉTÉ"],
     [["the cat sat on the mat today, οδος été"]]),
    ("clipped counts", False, ["the the the the the the the"],
     [["the cat is on the mat", "there is a cat on the mat"]]),
    ("short and long", False, ["a", "ab cd", "x"],
     [["a"], ["ab ce"], ["xyzzy plugh foo bar"]]),
]

# (hypotheses, references, BLEU or None, chrF2 or None), as stated by sacreBLEU.
PUBLISHED = [
    (["The dog bit the man.", "It wasn't surprising.",
      "The man had just bitten him."],
     [["The dog bit the man.", "The dog had bit the man."],
      ["It was not unexpected.", "No one was surprised."],
      ["The man bit him first.", "The man had bitten the dog."]],
     48.530827, None),
    (["", "", ""],
     [["The dog bit the man."], ["It was not unexpected."],
      ["The man bit him first."]], 0.0, None),
    (["a"], [["a"]], None, 100.0),
    (["a b c"], [["abc"]], None, 100.0),
    (["a", "b"], [["a"], ["c"]], None, 50.0),
    (["aa"], [["ab"]], None, 25.0),
]


def tokens_13a(text):
    for old, new in [("<skipped>", ""), ("&quot;", '"'), ("&amp;", "&"),
                     ("&lt;", "<"), ("&gt;", ">")]:
        text = text.replace(old, new)
    text = re.sub(r"""([!"#$%&()*+/:;<=>?@\[\\\]^_`{|}~])""", r" \1 ",
                  f" {text} ")
    text = re.sub(r"([^0-9])([.,])", r"\1 \2 ", text)
    text = re.sub(r"([.,])([^0-9])", r" \1 \2", text)
    return re.sub(r"([0-9])(-)", r"\1 \2 ", text).split()


def ngrams(sequence, order):
    return collections.Counter(tuple(sequence[i:i + order])
                               for i in range(len(sequence) - order + 1))


def bleu(hypotheses, references):
    matches, totals, length, wanted_length = [0] * 4, [0] * 4, 0, 0
    for hypothesis, group in zip(hypotheses, references):
        found, wanted = tokens_13a(hypothesis), [tokens_13a(r) for r in group]
        length += len(found)
        wanted_length += min((abs(len(w) - len(found)), len(w))
                             for w in wanted)[1]
        for n in range(4):
            allowed = collections.Counter()
            for w in wanted:
                allowed |= ngrams(w, n + 1)
            matches[n] += sum((ngrams(found, n + 1) & allowed).values())
            totals[n] += sum(ngrams(found, n + 1).values())
    if not matches[0] or not all(totals):
        return 0.0
    smooth, product = 1.0, 1.0
    for match, total in zip(matches, totals):
        if not match:
            smooth *= 2
            match = 1 / smooth
        product *= match / total
    penalty = min(1.0, math.exp(1 - wanted_length / length))
    return 100 * penalty * product ** 0.25


def f2(statistics):
    used = [s for s in statistics if s[0] and s[1]]
    if not used:
        return 0.0
    p = sum(m / h for h, _, m in used) / len(used)
    r = sum(m / w for _, w, m in used) / len(used)
    return 100 * 5 * p * r / (4 * p + r) if p + r else 0.0


def chrf(hypotheses, references):
    sums = [[0, 0, 0] for _ in range(6)]
    for hypothesis, group in zip(hypotheses, references):
        choices = []
        for reference in group:
            choice = []
            for n in range(1, 7):
                found = ngrams("".join(hypothesis.split()), n)
                wanted = ngrams("".join(reference.split()), n)
                choice.append((sum(found.values()) if wanted else 0,
                               sum(wanted.values()),
                               sum((found & wanted).values())))
            choices.append(choice)
        best = max(choices, key=f2)
        for total, part in zip(sums, best):
            for i in range(3):
                total[i] += part[i]
    return f2(sums)


def compare_with_sacrebleu(case):
    most = max(map(len, case["references"]))
    streams = [[(group + [""] * most)[i] for group in case["references"]]
               for i in range(most)]
    theirs = (
        sacrebleu.BLEU(lowercase=case["lowercase"])
        .corpus_score(case["hypotheses"], streams).score,
        sacrebleu.CHRF(lowercase=case["lowercase"])
        .corpus_score(case["hypotheses"], streams).score)
    for own, other in zip((case["bleu"], case["chrf"]), theirs):
        if abs(own - other) > 1e-9:
            sys.exit(f"{case['name']}: {own}, sacreBLEU says {other}")


def main():
    cases = []
    for name, lowercase, hypotheses, references in CASES:
        lower = str.lower if lowercase else str
        own = ([lower(h) for h in hypotheses],
               [[lower(r) for r in group] for group in references])
        cases.append({"name": name, "lowercase": lowercase,
                      "hypotheses": hypotheses, "references": references,
                      "bleu": bleu(*own), "chrf": chrf(*own)})
        if sacrebleu:
            compare_with_sacrebleu(cases[-1])
    published = [{"hypotheses": h, "references": r, "bleu": b, "chrf": c}
                 for h, r, b, c in PUBLISHED]
    for case in published:
        for measure, function in (("bleu", bleu), ("chrf", chrf)):
            if case[measure] is not None:
                own = function(case["hypotheses"], case["references"])
                assert abs(own - case[measure]) < 1e-6, (case, own)
    golden = {"compared_with": f"sacreBLEU {sacrebleu.__version__}"
                               if sacrebleu else "published scores only",
              "cases": cases, "published": published}
    path = pathlib.Path(sys.argv[1]) / "bleu.json"
    path.write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
