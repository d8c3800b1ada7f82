// SPDX-License-Identifier: Apache-2.0
#include "client/cli/forecast_view.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

using Row = std::vector<std::string>;

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

std::vector<double> ToVector(
    const google::protobuf::RepeatedField<double>& values) {
  return {values.begin(), values.end()};
}

std::optional<ForecastView::Interval> OutermostOf(
    const v1::SeriesForecast& series) {
  if (series.quantiles_size() < 2) return std::nullopt;
  const auto [low, high] = std::minmax_element(
      series.quantiles().begin(), series.quantiles().end(),
      [](const auto& a, const auto& b) { return a.level() < b.level(); });
  if (low->values_size() != series.values_size() ||
      high->values_size() != series.values_size()) {
    return std::nullopt;
  }
  return ForecastView::Interval{.low = ToVector(low->values()),
                                .high = ToVector(high->values()),
                                .low_level = low->level(),
                                .high_level = high->level()};
}

// The same decimals for all numbers of a series, so that the largest has five
// digits; those that would need many have an exponent.
class NumberFormat {
 public:
  explicit NumberFormat(const v1::SeriesForecast& series) {
    double largest = 0;
    const auto look = [&](const auto& values) {
      for (double value : values) largest = std::max(largest, std::abs(value));
    };
    look(series.values());
    for (const auto& quantile : series.quantiles()) look(quantile.values());
    if (largest > 0 && (largest < 1e-3 || largest >= 1e9)) return;
    const double digits =
        largest >= 1 ? std::floor(std::log10(largest)) + 1 : 1;
    decimals_ = std::max(0, 5 - static_cast<int>(digits));
  }

  std::string operator()(double value) const {
    if (decimals_ < 0) return absl::StrFormat("%.6g", value);
    return absl::StrFormat("%.*f", decimals_, value);
  }

 private:
  int decimals_ = -1;
};

// Right-aligned, but for the first column.
std::string Table(const std::vector<Row>& rows) {
  std::vector<int> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  std::string table;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(
          static_cast<size_t>(widths[i] - Columns(row[i])), ' ');
      absl::StrAppend(&line, i == 0 ? "" : "  ", i == 0 ? "" : padding, row[i],
                      i == 0 ? padding : "");
    }
    absl::StrAppend(&table, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return table;
}

std::string FormatSeries(const v1::SeriesForecast& series,
                         const std::vector<std::string>& times) {
  const NumberFormat number(series);
  std::vector<Row> rows(1);
  rows[0] = {times.empty() ? "step" : "time", Printable(series.name())};
  for (const v1::ForecastQuantile& quantile : series.quantiles()) {
    rows[0].push_back(absl::StrCat(quantile.level()));
  }
  for (int step = 0; step < series.values_size(); ++step) {
    Row& row = rows.emplace_back();
    row.push_back(times.empty() ? absl::StrCat(step + 1)
                                : times[static_cast<size_t>(step)]);
    row.push_back(number(series.values(step)));
    for (const v1::ForecastQuantile& quantile : series.quantiles()) {
      row.push_back(
          step < quantile.values_size() ? number(quantile.values(step)) : "");
    }
  }
  return Table(rows);
}

// As many as there are values; none if the server does not give that many.
std::vector<absl::Time> TimesOf(const v1::ForecastResponse& response) {
  std::vector<absl::Time> times;
  for (const auto& time : response.timestamps()) times.push_back(ToTime(time));
  for (const v1::SeriesForecast& series : response.series()) {
    if (series.values_size() != response.timestamps_size()) return {};
  }
  return times;
}

}  // namespace

std::vector<std::string> TimeTexts(absl::Span<const absl::Time> times) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const char* format = "%Y-%m-%d %H:%M:%E*S";
  const auto all_at = [&](auto begins) {
    return absl::c_all_of(times, [&](absl::Time time) {
      return absl::FromCivil(begins(absl::ToCivilSecond(time, utc)), utc) ==
             time;
    });
  };
  if (all_at([](absl::CivilSecond t) { return absl::CivilMonth(t); })) {
    format = "%Y-%m";
  } else if (all_at([](absl::CivilSecond t) { return absl::CivilDay(t); })) {
    format = "%Y-%m-%d";
  } else if (all_at([](absl::CivilSecond t) { return absl::CivilMinute(t); })) {
    format = "%Y-%m-%d %H:%M";
  }
  std::vector<std::string> texts;
  for (absl::Time time : times) {
    texts.push_back(absl::FormatTime(format, time, utc));
  }
  return texts;
}

std::vector<ForecastView> MakeViews(const SeriesHistory& history,
                                    const v1::ForecastResponse& response) {
  constexpr int64_t kLeastShown = 24;
  const std::vector<absl::Time> after = TimesOf(response);
  std::vector<ForecastView> views;
  for (int i = 0; i < response.series_size(); ++i) {
    const v1::SeriesForecast& series = response.series(i);
    ForecastView& view =
        views.emplace_back(ForecastView{.name = series.name(),
                                        .forecast = ToVector(series.values()),
                                        .interval = OutermostOf(series)});
    if (static_cast<size_t>(i) >= history.series.size()) continue;
    const auto& values = history.series[static_cast<size_t>(i)].values;
    const auto shown = static_cast<std::ptrdiff_t>(std::min<size_t>(
        values.size(),
        std::max<size_t>(kLeastShown, 3 * view.forecast.size())));
    view.history.assign(values.end() - shown, values.end());
    if (after.empty() || history.times.size() < view.history.size()) continue;
    view.times.assign(history.times.end() - shown, history.times.end());
    view.times.insert(view.times.end(), after.begin(), after.end());
  }
  return views;
}

std::string FormatForecast(const v1::ForecastResponse& response) {
  const std::vector<std::string> times = TimeTexts(TimesOf(response));
  std::string text;
  for (const v1::SeriesForecast& series : response.series()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n",
                    FormatSeries(series, times));
  }
  return text;
}

}  // namespace carousel
