// SPDX-License-Identifier: Apache-2.0
#include "model/train/run_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

// Points of one curve: more than a screen has columns only cost memory.
constexpr size_t kCurvePoints = 1000;

constexpr absl::string_view kDevPrefix = "dev_";

constexpr char kStyle[] =
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;"
    "padding:0 1em;color:#222}h2{margin-top:2em}svg{max-width:100%;height:auto}"
    "table{border-collapse:collapse}td{border-bottom:1px solid #ddd;"
    "padding:.2em 1.5em .2em 0;overflow-wrap:anywhere}"
    "td+td{font-variant-numeric:tabular-nums}.note{color:#666}";

// The lines of a metrics.jsonl. A crash may leave half a line.
std::vector<Json> ParseLines(absl::string_view metrics) {
  std::vector<Json> lines;
  for (absl::string_view line : absl::StrSplit(metrics, '\n')) {
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("step") && json["step"].is_number()) {
      lines.push_back(std::move(json));
    }
  }
  return lines;
}

// What a figure is drawn against: a key of the lines, and how it is shown.
struct Axis {
  absl::string_view label;
  const char* key;
  double unit;
};
constexpr Axis kSteps = {"step", "step", 1};
constexpr Axis kMinutes = {"minutes", "seconds", 60};

std::vector<FigurePoint> Series(const std::vector<Json>& lines,
                                const std::string& key,
                                const Axis& axis = kSteps) {
  std::vector<FigurePoint> points;
  for (const Json& line : lines) {
    const auto value = line.find(key);
    const auto x = line.find(axis.key);
    if (value == line.end() || !value->is_number()) continue;
    if (x == line.end() || !x->is_number()) continue;
    points.push_back({x->get<double>() / axis.unit, value->get<double>()});
  }
  return ThinPoints(std::move(points), kCurvePoints);
}

// A name from a file becomes the name of a file: nothing but letters.
bool IsPlainName(absl::string_view name) {
  return !name.empty() && name.size() <= 40 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// The keys of dev figures beside loss and perplexity, in order of appearance.
std::vector<std::string> OtherDevKeys(const std::vector<Json>& lines) {
  std::vector<std::string> keys;
  for (const Json& line : lines) {
    for (const auto& [key, value] : line.items()) {
      if (absl::StartsWith(key, kDevPrefix) && key != "dev_loss" &&
          key != "dev_perplexity" && value.is_number() && IsPlainName(key) &&
          std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  return keys;
}

void AddFigure(const std::string& name, Figure figure,
               std::vector<NamedFigure>* figures) {
  const auto has_points = [](const Curve& c) { return !c.points.empty(); };
  if (std::none_of(figure.curves.begin(), figure.curves.end(), has_points)) {
    return;
  }
  if (figure.x_label.empty()) figure.x_label = std::string(kSteps.label);
  figures->push_back({name, std::move(figure)});
}

Figure LossFigure(const std::vector<Json>& lines, const Axis& axis) {
  Figure figure = {.title = "Perplexity",
                   .x_label = std::string(axis.label),
                   .y_label = "perplexity",
                   .log_y = true,
                   .curves = {{.title = "training",
                               .points = Series(lines, "perplexity", axis),
                               .width = 1},
                              {.title = "dev",
                               .points = Series(lines, "dev_perplexity", axis),
                               .style = Curve::Style::kLineAndPoints,
                               .width = 2}}};
  if (!figure.curves[0].points.empty() || !figure.curves[1].points.empty()) {
    return figure;
  }
  figure.title = "Loss";
  figure.y_label = "loss";
  figure.log_y = false;
  figure.curves[0].points = Series(lines, "loss", axis);
  figure.curves[1].points = Series(lines, "dev_loss", axis);
  return figure;
}

// "training.rows" -> "32" for every setting.
void Flatten(const Json& json, const std::string& prefix,
             std::vector<std::pair<std::string, std::string>>* rows) {
  if (!json.is_object()) {
    rows->push_back(
        {prefix, json.is_string() ? json.get<std::string>() : json.dump()});
    return;
  }
  for (const auto& [key, value] : json.items()) {
    Flatten(value, prefix.empty() ? key : absl::StrCat(prefix, ".", key), rows);
  }
}

std::string Number(const Json& value) {
  if (value.is_number_float())
    return absl::StrFormat("%.6g", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The last value of every figure, in order of first appearance.
std::vector<std::pair<std::string, std::string>> LastValues(
    const std::vector<Json>& lines) {
  std::vector<std::pair<std::string, std::string>> rows;
  std::map<std::string, size_t> places;
  for (const Json& line : lines) {
    for (const auto& [key, value] : line.items()) {
      const auto [place, is_new] = places.insert({key, rows.size()});
      if (is_new) rows.push_back({key, ""});
      rows[place->second].second = Number(value);
    }
  }
  return rows;
}

std::string Table(
    const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string html = "<table>\n";
  for (const auto& [key, value] : rows) {
    absl::StrAppend(&html, "<tr><td>", EscapeHtml(key), "</td><td>",
                    EscapeHtml(value), "</td></tr>\n");
  }
  return html + "</table>\n";
}

// The <svg> element of a file, without the XML declaration before it.
absl::string_view SvgElement(absl::string_view svg) {
  const size_t begin = svg.find("<svg");
  return begin == svg.npos ? "" : svg.substr(begin);
}

absl::Status WriteReport(const std::string& run_directory,
                         const std::string& metrics,
                         std::vector<std::string> svgs, bool finished) {
  const std::string name =
      std::filesystem::path(run_directory).lexically_normal().filename();
  return WriteFileAtomically(
      JoinPath(run_directory, "report.html"),
      RunReport({.title = name.empty() ? "run" : name,
                 .config = ReadFile(JoinPath(run_directory, "config.json"))
                               .value_or(std::string()),
                 .metrics = metrics,
                 .svgs = std::move(svgs),
                 .refresh = !finished}));
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"},
                                    {"<", "&lt;"},
                                    {">", "&gt;"},
                                    {"\"", "&quot;"},
                                    {"'", "&#39;"}});
}

std::vector<NamedFigure> RunFigures(absl::string_view metrics) {
  const std::vector<Json> lines = ParseLines(metrics);
  std::vector<NamedFigure> figures;
  AddFigure("loss", LossFigure(lines, kSteps), &figures);
  AddFigure("loss_minutes", LossFigure(lines, kMinutes), &figures);
  AddFigure("learning_rate",
            {.title = "Learning rate",
             .y_label = "learning rate",
             .curves = {{.points = Series(lines, "learning_rate")}}},
            &figures);
  AddFigure(
      "gradient_norm",
      {.title = "Norm of the gradient, before clipping",
       .y_label = "norm",
       .log_y = true,
       .curves = {{.points = Series(lines, "gradient_norm"), .width = 1}}},
      &figures);
  for (const std::string& key : OtherDevKeys(lines)) {
    const std::string measure(absl::StripPrefix(key, kDevPrefix));
    AddFigure(key,
              {.title = absl::StrCat("dev: ", measure),
               .y_label = measure,
               .curves = {{.points = Series(lines, key),
                           .style = Curve::Style::kLineAndPoints,
                           .colour = 1}}},
              &figures);
  }
  return figures;
}

std::string RunReport(const ReportInput& input) {
  const std::vector<Json> lines = ParseLines(input.metrics);
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
      input.refresh ? "<meta http-equiv=\"refresh\" content=\"60\">\n" : "",
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
      EscapeHtml(input.title), "</title>\n<style>", kStyle,
      "</style>\n</head>\n<body>\n<h1>", EscapeHtml(input.title), "</h1>\n");
  if (input.refresh) {
    absl::StrAppend(&html, "<p class=\"note\">The run goes on: this page ",
                    "reads itself again every minute.</p>\n");
  }
  absl::StrAppend(&html, "<h2>Last values</h2>\n", Table(LastValues(lines)),
                  "<h2>Figures</h2>\n");
  if (input.svgs.empty()) {
    absl::StrAppend(&html, "<p class=\"note\">None: gnuplot is not there or ",
                    "nothing is measured yet.</p>\n");
  }
  for (const std::string& svg : input.svgs) {
    absl::StrAppend(&html, "<figure>\n", SvgElement(svg), "\n</figure>\n");
  }
  std::vector<std::pair<std::string, std::string>> settings;
  const Json config =
      Json::parse(input.config, nullptr, /*allow_exceptions=*/false);
  if (config.is_object()) Flatten(config, "", &settings);
  absl::StrAppend(&html, "<h2>Settings</h2>\n", Table(settings),
                  "</body>\n</html>\n");
  return html;
}

absl::Status DrawRunFigures(const std::string& run_directory, bool finished) {
  ASSIGN_OR_RETURN(const std::string metrics,
                   ReadFile(JoinPath(run_directory, "metrics.jsonl")));
  const std::vector<NamedFigure> figures = RunFigures(metrics);
  if (figures.empty()) {
    return absl::FailedPreconditionError("no measurements to draw yet");
  }
  absl::Status status;
  std::vector<std::string> svgs;
  for (const auto& [name, figure] : figures) {
    status.Update(DrawFigure(figure, run_directory, name));
    if (!status.ok()) break;
    ASSIGN_OR_RETURN(std::string svg,
                     ReadFile(JoinPath(run_directory, name + ".svg")));
    svgs.push_back(std::move(svg));
  }
  RETURN_IF_ERROR(
      WriteReport(run_directory, metrics, std::move(svgs), finished));
  return status;
}

}  // namespace carousel
