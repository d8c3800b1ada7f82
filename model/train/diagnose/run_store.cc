// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/run_store.h"

#include <cstdio>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"

namespace carousel {

using Json = nlohmann::ordered_json;

absl::StatusOr<std::unique_ptr<RunStore>> RunStore::Open(
    const std::string& path) {
  auto store = absl::WrapUnique(new RunStore(path));
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (absl::IsNotFound(content.status())) return store;
  if (!content.ok()) return content.status();
  MutexLock lock(&store->mutex_);
  for (absl::string_view line : absl::StrSplit(*content, '\n')) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("key") ||
        !json.contains("result") || !json["key"].is_string()) {
      continue;
    }
    store->results_[json["key"].get<std::string>()] = json["result"];
  }
  return store;
}

std::optional<Json> RunStore::Find(const std::string& key) const {
  MutexLock lock(&mutex_);
  const auto found = results_.find(key);
  if (found == results_.end()) return std::nullopt;
  return found->second;
}

absl::Status RunStore::Add(const std::string& key, Json result) {
  // A line begins afresh, whatever a crash left before it.
  const std::string line =
      "\n" + Json({{"key", key}, {"result", result}}).dump() + "\n";
  MutexLock lock(&mutex_);
  results_[key] = std::move(result);
  std::FILE* file = std::fopen(path_.c_str(), "a");
  if (file == nullptr) return LastError("open", path_);
  const bool written = std::fwrite(line.data(), line.size(), 1, file) == 1;
  if (std::fclose(file) != 0 || !written) return LastError("write", path_);
  return absl::OkStatus();
}

}  // namespace carousel
