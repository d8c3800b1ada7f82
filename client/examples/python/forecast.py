#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says how the series of FILE go on.

FILE is CSV: a header, a column of times ("2016-07-01 00:00:00", "2016-07-01",
"2016-07", or numbers, which are not sent), and columns of numbers.
"""

import csv
import datetime
import io
import sys

import grpc

import command_line
import errors
from carousel.v1 import forecast_pb2, forecast_pb2_grpc, model_pb2


def parse_time(text):
    """A time in UTC; None for a number."""
    if len(text) == len("2016-07"):
        text += "-01"
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=datetime.timezone.utc)


def request_of(rows, options):
    """A history in the units of the data; the last window of it is read."""
    request = forecast_pb2.ForecastRequest(
        model=model_pb2.ModelSpec(name=options.model),
        horizon=options.horizon,  # 0 would be an error, None is the model's
        quantiles=options.quantile)
    names = options.column or list(rows[0])[1:]
    for name in names:
        request.history.add(name=name, values=[float(row[name])
                                               for row in rows])
    times = [parse_time(next(iter(row.values()))) for row in rows]
    if all(times):
        for time in times:
            request.timestamps.add().FromDatetime(time)
    return request


def show(response):
    for series in response.series:
        print(series.name)
        for step, value in enumerate(series.values):
            when = (response.timestamps[step].ToJsonString()
                    if response.timestamps else f"+{step + 1}")
            bounds = "".join(f"  {quantile.level:g}: {quantile.values[step]:g}"
                             for quantile in series.quantiles)
            print(f"{when}  {value:g}{bounds}")


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--model", default="")
    parser.add_argument("--column", action="append", default=[],
                        help="a series of the model; default: every column")
    parser.add_argument("--horizon", type=int)
    parser.add_argument("--quantile", type=float, action="append", default=[])
    parser.add_argument("file", type=command_line.text_file)
    options = parser.parse_args()
    rows = list(csv.DictReader(io.StringIO(options.file)))
    with grpc.insecure_channel(options.server) as channel:
        stub = forecast_pb2_grpc.ForecastServiceStub(channel)
        show(stub.Forecast(request_of(rows, options),
                           timeout=options.timeout))


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
