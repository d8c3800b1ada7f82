// SPDX-License-Identifier: Apache-2.0
#include "client/cli/interactive.h"

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/completion_feed.h"
#include "client/cli/frame.h"
#include "client/cli/keys.h"
#include "client/cli/line_editor.h"
#include "client/cli/terminal.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// A terminal sends the bytes of one key together; an Esc that is alone for so
// long is the key of that name.
constexpr int kEscapeTimeoutMs = 25;

class Session {
 public:
  Session(RawTerminal& terminal, Wakeup& wakeup, const StopSignals& signals,
          CompletionFeed& feed)
      : terminal_(terminal), wakeup_(wakeup), signals_(signals), feed_(feed) {}

  void Run() {
    feed_.Request("");
    while (!leaving_) {
      const int columns = terminal_.Columns();
      terminal_.Write(RenderFrame(editor_, Status(columns), columns));
      Wait();
    }
    terminal_.Write(kEraseFrame);
  }

 private:
  std::string Status(int columns) const {
    return error_.empty() ? StatusLine(latency_, model_, columns)
                          : ErrorLine(error_);
  }

  // Waits for something to happen and takes it in.
  void Wait() {
    pollfd events[] = {{STDIN_FILENO, POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}};
    const int timeout_ms = decoder_.pending() ? kEscapeTimeoutMs : -1;
    const int ready = poll(events, 2, timeout_ms);
    if (signals_.stopped()) leaving_ = true;
    if (ready == 0) ApplyKeys(decoder_.Flush());
    if (ready <= 0) return;
    if (events[1].revents != 0) TakeAnswer();
    if (events[0].revents != 0) {
      const std::string bytes = terminal_.Read();
      if (bytes.empty()) leaving_ = true;
      ApplyKeys(decoder_.Feed(bytes));
    }
  }

  void TakeAnswer() {
    wakeup_.Clear();
    std::optional<CompletionFeed::Answer> answer = feed_.Take();
    if (!answer) return;
    error_ = std::string(answer->response.status().message());
    if (answer->response.ok()) {
      const v1::ModelSpec& model = answer->response->model();
      latency_ = absl::StrFormat("%.1f ms",
                                 absl::ToDoubleMilliseconds(answer->latency));
      model_ = absl::StrCat(model.name(), "/", model.version());
      editor_.Answer(answer->text, *std::move(answer->response));
    }
  }

  void ApplyKeys(const std::vector<Key>& keys) {
    bool ask = false;
    for (const Key& key : keys) {
      switch (editor_.Apply(key)) {
        case LineEditor::Outcome::kNothing:
          break;
        case LineEditor::Outcome::kChanged:
          ask = true;
          break;
        case LineEditor::Outcome::kSubmitted:
          terminal_.Write(
              absl::StrCat(kEraseFrame, Printable(editor_.text()), "\r\n"));
          editor_ = LineEditor();
          ask = true;
          break;
        case LineEditor::Outcome::kLeft:
          leaving_ = true;
          return;
      }
    }
    if (ask) feed_.Request(std::string(editor_.left()));
  }

  RawTerminal& terminal_;
  Wakeup& wakeup_;
  const StopSignals& signals_;
  CompletionFeed& feed_;
  LineEditor editor_;
  KeyDecoder decoder_;
  std::string latency_, model_, error_;  // of the last answer
  bool leaving_ = false;
};

}  // namespace

absl::Status CompleteWhileTyping(const CompleteOptions& options,
                                 Client& client) {
  // Destroyed in the opposite order: the feed ends with what it asks, the
  // terminal is as it was, and only then does a signal kill us.
  Wakeup wakeup;
  const StopSignals signals(wakeup.fd());
  ASSIGN_OR_RETURN(const std::unique_ptr<RawTerminal> terminal,
                   RawTerminal::Open(STDIN_FILENO, STDOUT_FILENO));
  CompletionFeed feed(client, options, [&] { wakeup.Notify(); });
  Session(*terminal, wakeup, signals, feed).Run();
  return absl::OkStatus();
}

}  // namespace carousel
