# SPDX-License-Identifier: Apache-2.0
"""What the command lines of the programs share."""

import argparse
import os


def parser(description):
    """One that has --server already, by default what the environment says."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--server", default=os.environ.get("CAROUSEL_SERVER")
        or "127.0.0.1:50051", metavar="HOST:PORT",
        help="default: $CAROUSEL_SERVER, else 127.0.0.1:50051")
    return made


def text_file(path):
    """The text of a file, as the value of an option."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError(
            f"{path} is not UTF-8 at byte {error.start}") from error
