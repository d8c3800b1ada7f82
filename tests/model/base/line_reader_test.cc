// SPDX-License-Identifier: Apache-2.0

#include <zlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Text that gzip cannot make much smaller, in `count` lines.
std::string ManyLines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, "line ", i, " ", Sha256(absl::StrCat(i)), "\n");
  }
  return text;
}

class LineReaderTest : public testing::Test {
 protected:
  // All lines of a file with this content.
  absl::StatusOr<std::vector<std::string>> Lines(const std::string& content) {
    RETURN_IF_ERROR(WriteFileAtomically(path_, content));
    ASSIGN_OR_RETURN(auto reader, LineReader::Open(path_));
    std::vector<std::string> lines;
    std::string line;
    while (true) {
      ASSIGN_OR_RETURN(bool more, reader->Next(&line));
      if (!more) return lines;
      lines.push_back(line);
    }
  }

  TempDir dir_;
  const std::string path_ = dir_.File("text");
};

// Blank lines count: in a stream each is an end of sentence.
TEST_F(LineReaderTest, SplitsAtNewlinesAndKeepsBlankLines) {
  EXPECT_THAT(Lines("a\n\nb c\n"), IsOkAndHolds(ElementsAre("a", "", "b c")));
}

// Editors leave the last line open.
TEST_F(LineReaderTest, LastLineNeedsNoNewline) {
  EXPECT_THAT(Lines("a\nb"), IsOkAndHolds(ElementsAre("a", "b")));
}

// Nothing is no line, not one empty line.
TEST_F(LineReaderTest, EmptyFileHasNoLines) {
  EXPECT_THAT(Lines(""), IsOkAndHolds(IsEmpty()));
}

// A carriage return would otherwise become part of the last word.
TEST_F(LineReaderTest, CrLfEndsALineAndOtherCarriageReturnsStay) {
  EXPECT_THAT(Lines("a\r\n\r\nb\rc\r\n"),
              IsOkAndHolds(ElementsAre("a", "", "b\rc")));
}

// Corpora come compressed; the name does not matter.
TEST_F(LineReaderTest, GzipIsReadAsTheTextInIt) {
  EXPECT_THAT(Lines(Gzip("a\nb\n")), IsOkAndHolds(ElementsAre("a", "b")));
}

// `cat a.gz b.gz` is a valid gzip file.
TEST_F(LineReaderTest, JoinedGzipFilesAreReadToTheEnd) {
  EXPECT_THAT(Lines(Gzip("a\n") + Gzip("b\n")),
              IsOkAndHolds(ElementsAre("a", "b")));
}

// Lines and buffers end at different places.
TEST_F(LineReaderTest, ManyBuffersGiveEachLineOnce) {
  const std::string text = ManyLines(5000);
  for (const std::string& content : {text, Gzip(text)}) {
    const auto lines = Lines(content);
    ASSERT_THAT(lines, IsOk());
    ASSERT_EQ(lines->size(), 5000);
    EXPECT_THAT(lines->front(), HasSubstr("line 0 "));
    EXPECT_THAT(lines->back(), HasSubstr("line 4999 "));
  }
}

// Training on half a corpus must not pass for training on all of it. The cuts
// hit the header, the data and the check sum at the end.
TEST_F(LineReaderTest, TruncatedGzipIsDataLoss) {
  const std::string whole = Gzip(ManyLines(5000));
  for (size_t size : {size_t{5}, size_t{20}, whole.size() / 2, whole.size() - 8,
                      whole.size() - 1}) {
    EXPECT_THAT(Lines(whole.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")))
        << size;
  }
}

// A flipped bit is found by the check sum at the latest.
TEST_F(LineReaderTest, DamagedGzipIsDataLoss) {
  std::string content = Gzip(ManyLines(5000));
  content[content.size() / 2] ^= 0x10;
  EXPECT_THAT(Lines(content), StatusIs(absl::StatusCode::kDataLoss));
}

// A binary file is refused, with the line to look at.
TEST_F(LineReaderTest, NulByteIsInvalid) {
  EXPECT_THAT(Lines(std::string("ok\na\0b\n", 7)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(path_ + ":2: NUL byte")));
}

// The bound on memory: one line.
TEST_F(LineReaderTest, LineAboveTheLimitIsInvalid) {
  const std::string longest(LineReader::kMaxLineBytes, 'x');
  EXPECT_THAT(Lines(longest + "\n"), IsOkAndHolds(ElementsAre(longest)));
  EXPECT_THAT(Lines("a\n" + longest + "x\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(path_ + ":2: line longer than 1048576")));
}

// Each epoch starts again at the first line.
TEST_F(LineReaderTest, RewindStartsAgain) {
  for (const std::string& content : {ManyLines(3000), Gzip(ManyLines(3000))}) {
    ASSERT_THAT(WriteFileAtomically(path_, content), IsOk());
    auto reader = LineReader::Open(path_);
    ASSERT_THAT(reader, IsOk());
    std::string line;
    for (int i = 0; i < 3000; ++i) {
      ASSERT_THAT((*reader)->Next(&line), IsOkAndHolds(true));
    }
    EXPECT_THAT((*reader)->Next(&line), IsOkAndHolds(false));
    EXPECT_EQ((*reader)->line_number(), 3000);
    ASSERT_THAT((*reader)->Rewind(), IsOk());
    EXPECT_EQ((*reader)->line_number(), 0);
    ASSERT_THAT((*reader)->Next(&line), IsOkAndHolds(true));
    EXPECT_THAT(line, HasSubstr("line 0 "));
  }
}

// The path in the message is what the user has to mend.
TEST_F(LineReaderTest, MissingFileIsNotFound) {
  EXPECT_THAT(
      LineReader::Open("/no/such/file"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/file")));
}

// A directory given by mistake.
TEST_F(LineReaderTest, DirectoryIsRefused) {
  EXPECT_THAT(LineReader::Open(dir_.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace carousel
