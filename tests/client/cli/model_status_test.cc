// SPDX-License-Identifier: Apache-2.0
#include "client/cli/model_status.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(ModelStatusTest, ASpecIsWrittenAsItIsNamed) {
  v1::ModelSpec spec;
  spec.set_name("e\x1bn");
  EXPECT_EQ(FormatSpec(spec), "e\uFFFDn");
  spec.set_label("canary");
  EXPECT_EQ(FormatSpec(spec), "e\uFFFDn@canary");
  spec.clear_label();
  spec.set_version(3);
  EXPECT_EQ(FormatSpec(spec), "e\uFFFDn/3");
}

// Ready, but what was tried last went wrong: either of the two.
TEST(ModelStatusTest, AStateIsMarkedWhereSomethingFailedSince) {
  v1::Model model;
  model.set_state(v1::Model::STATE_READY);
  EXPECT_EQ(FormatState(model), "ready");
  model.mutable_labels_error()->set_code(3);
  EXPECT_EQ(FormatState(model), "ready !");
  model.clear_labels_error();
  model.mutable_reload_error()->set_code(15);
  EXPECT_EQ(FormatState(model), "ready !");
}

TEST(ModelStatusTest, AnErrorIsItsCodeAndItsMessage) {
  google::rpc::Status error;
  error.set_code(15);
  error.set_message("weights:\ncut off");
  EXPECT_EQ(FormatError(error), "DATA_LOSS: weights:\uFFFDcut off");
}

// What is not known has no line.
TEST(ModelStatusTest, OnlyWhatIsKnownIsTold) {
  v1::Model model;
  model.set_name("en");
  model.set_version(3);
  model.set_state(v1::Model::STATE_FAILED);
  EXPECT_EQ(FormatModel(model), "en/3\n  state  failed\n");
  model.mutable_labels_error()->set_code(3);
  model.mutable_labels_error()->set_message("labels.json");
  model.set_message("no room");
  model.mutable_load_duration()->set_seconds(1);
  model.mutable_load_duration()->set_nanos(500'000'000);
  (*model.mutable_figures())["dev_perplexity"] = 29.5;
  EXPECT_EQ(FormatModel(model),
            "en/3\n"
            "  state           failed\n"
            "  labels error    INVALID_ARGUMENT: labels.json\n"
            "  loaded in       1.50 s\n"
            "  message         no room\n"
            "  dev_perplexity  29.5\n");
}

}  // namespace
}  // namespace carousel
