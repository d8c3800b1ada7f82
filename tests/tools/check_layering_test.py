#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants includes that must not be and expects each to be reported."""

import pathlib
import tempfile
import unittest

import check_layering


class CheckLayeringTest(unittest.TestCase):

    def errors_for(self, path, line):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, path)
            file.parent.mkdir(parents=True)
            file.write_text(line + "\n", encoding="utf-8")
            return check_layering.check(pathlib.Path(directory))

    def test_allowed_includes_pass(self):
        for path, line in [
            ("model/text/a.cc", '#include "model/base/files.h"'),
            ("model/text/a.cc", '#include "model/text/b.h"'),
            ("model/text/a.cc", "#include <unicode/uchar.h>"),
            ("model/onednn/a.h", "#include <oneapi/dnnl/dnnl.hpp>"),
            ("server/grpc/a.cc", "#include <grpcpp/grpcpp.h>"),
            ("server/core/a.cc", '#include "carousel/v1/model.pb.h"'),
            ("server/http/a.cc", "#include <boost/beast.hpp>"),
            ("client/cli/a.cc", '#include "client/cpp/b.h"'),
        ]:
            self.assertEqual(self.errors_for(path, line), [], (path, line))

    def test_each_forbidden_include_is_reported(self):
        for path, line in [
            ("model/base/a.cc", '#include "model/tensor/tensor.h"'),
            ("model/text/a.cc", '  #  include "model/layers/x.h"'),
            ("model/tasks/a.cc", '#include "server/engine/x.h"'),
            ("model/bundle/a.h", '#include "carousel/v1/model.pb.h"'),
            ("model/layers/a.h", "#include <dnnl.hpp>"),
            ("model/layers/a.h", '#include "oneapi/dnnl/dnnl.hpp"'),
            ("server/core/a.cc", "#include <grpcpp/grpcpp.h>"),
            ("server/core/a.cc", '#include "carousel/v1/model.grpc.pb.h"'),
            ("server/app/a.cc", "#include <boost/asio.hpp>"),
            ("client/cpp/a.cc", '#include "server/core/x.h"'),
            ("model/text/a.cc", '#include "../base/files.h"'),
            ("model/novel/a.cc", ""),
        ]:
            self.assertEqual(len(self.errors_for(path, line)), 1, (path, line))


if __name__ == "__main__":
    unittest.main()
