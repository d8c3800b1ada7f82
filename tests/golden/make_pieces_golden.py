# SPDX-License-Identifier: Apache-2.0
"""Writes pieces.json: small subword vocabularies, and texts cut with them.

  python3 tests/golden/make_pieces_golden.py tests/golden

needs spm_train, spm_encode and spm_decode (Debian: sentencepiece). The file is
committed; the tests do not run this script.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

# What training text is made of, and what the texts to cut are made of besides.
STEMS = """walk talk understand carrous manège mais petit grand œuvr naïv straß
größ runn happ small hous déjà vu lect écri mont part""".split()
WORDS = [prefix + stem + suffix for stem in STEMS
         for prefix in ("", "", "un", "re", "mis")
         for suffix in ("", "s", "ed", "ing", "er", "ment", "ons", "es")]
WORDS += """the a of and la le et de 42 1,000 3.14 don't it's (maybe) "quoted"
end. end, what? yes! Москва москвичи 日本 日本語 e-mail""".split() * 8

ODD = ["", " ", "   ", "a", " a  b ", "zzzzz", "thethethe", "xyz the qqq",
       "☃", "☃☃ the ☃", "the☃house", "🎠🎠",
       "unhappiness misunderstanding houses", "UPPER lower MiXeD",
       "1,000.5 and 3.14159", "<unk> <eos> <num> <s>", "e\u0301te\u0301",
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
       "walkingtalkingrunning", "日本語日本日", "...", "?!?!", "- - -"]


def sentences(generator, count):
    return [" ".join(generator.choice(WORDS)
                     for _ in range(generator.randint(1, 12)))
            for _ in range(count)]


def scrambled(generator, count):
    letters = "".join(WORDS) + "  "
    return ["".join(generator.choice(letters)
                    for _ in range(generator.randint(1, 30)))
            for _ in range(count)]


def run(arguments, text):
    return subprocess.run(arguments, input=text, capture_output=True,
                          check=True, encoding="utf-8").stdout.split("\n")


def golden_of(algorithm, folder, texts):
    prefix = str(folder / algorithm)
    subprocess.run(
        ["spm_train", f"--input={folder}/text", f"--model_prefix={prefix}",
         f"--model_type={algorithm}", "--vocab_size=180",
         "--normalization_rule_name=identity", "--character_coverage=0.999",
         "--unk_id=0", "--bos_id=-1", "--eos_id=1", "--eos_piece=<eos>",
         "--control_symbols=<num>", "--num_threads=1", "--random_seed=1",
         "--minloglevel=2"], check=True)
    model = f"--model={prefix}.model"
    lines = "".join(text + "\n" for text in texts)
    ids = run(["spm_encode", model, "--output_format=id"], lines)
    pieces = run(["spm_encode", model, "--output_format=piece"], lines)
    decoded = run(["spm_decode", model, "--input_format=id"],
                  "".join(line + "\n" for line in ids[:len(texts)]))
    vocabulary = pathlib.Path(f"{prefix}.vocab").read_text(encoding="utf-8")
    return {
        "vocabulary": vocabulary.splitlines(),
        "cases": [{"text": text, "ids": [int(i) for i in ids[k].split()],
                   "pieces": pieces[k].split(" ") if pieces[k] else [],
                   "decoded": decoded[k]}
                  for k, text in enumerate(texts)],
    }


def main():
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "text").write_text(
            "\n".join(sentences(generator, 1500)) + "\n", encoding="utf-8")
        texts = ODD + sentences(generator, 40) + scrambled(generator, 60)
        golden = {algorithm: golden_of(algorithm, folder, texts)
                  for algorithm in ("unigram", "bpe")}
    path = pathlib.Path(sys.argv[1]) / "pieces.json"
    path.write_text(json.dumps(golden, indent=None, ensure_ascii=True,
                               separators=(",", ":")).replace('{"text"',
                                                              '\n{"text"')
                    + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
