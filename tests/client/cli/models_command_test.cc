// SPDX-License-Identifier: Apache-2.0
//
// `carousel models`: the table, and all of one model.

#include <string>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

absl::Status ListTwo(v1::ListModelsResponse& r) {
  v1::Model* ready = r.add_models();
  ready->set_name("autocomplete-en");
  ready->set_version(1);
  ready->add_labels("canary");
  ready->add_labels("stable");
  ready->mutable_reload_error()->set_code(15);
  ready->set_state(v1::Model::STATE_READY);
  ready->set_task("language_model");
  ready->set_precision("f32");
  ready->set_memory_bytes(46'800'000);
  ready->set_parameters(11'700'000);
  ready->set_message("lstm brgemm:avx512_core");
  v1::Model* failed = r.add_models();
  failed->set_name("b");
  failed->set_version(12);
  failed->set_state(v1::Model::STATE_FAILED);
  failed->set_message("weights.safetensors: truncated");
  return absl::OkStatus();
}

absl::Status ShowModel(const v1::GetModelRequest& request,
                       v1::GetModelResponse& response) {
  v1::Model& model = *response.mutable_model();
  model.set_name(request.model().name());
  model.set_version(request.model().has_version() ? request.model().version()
                                                  : 7);
  model.set_state(v1::Model::STATE_READY);
  if (!request.model().label().empty()) {
    model.add_labels(request.model().label());
  }
  model.set_precision("int8");
  model.set_isa("avx512_core_vnni");
  model.set_memory_bytes(46'800'000);
  model.set_cached_states(12);
  model.set_cache_bytes(34'500);
  model.mutable_load_duration()->set_nanos(250'000'000);
  model.mutable_ready_time()->set_seconds(1'000'000'000);
  model.mutable_reload_error()->set_code(15);
  model.mutable_reload_error()->set_message("weights.safetensors: cut off");
  (*model.mutable_figures())["epochs"] = 3;
  (*model.mutable_figures())["dev_perplexity"] = 29.5;
  return absl::OkStatus();
}

class ModelsCommandTest : public CliTest {
 protected:
  ModelsCommandTest()
      : CliTest({.list_models = ListTwo, .get_model = ShowModel}) {}
};

TEST_F(ModelsCommandTest, ListsTheModelsInAlignedColumns) {
  const CliResult result = Run({"models"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "NAME             VERSION  LABELS         STATE    TASK            "
            "PRECISION  MEMORY   PARAMETERS  MESSAGE\n"
            "autocomplete-en  1        canary,stable  ready !  language_model  "
            "f32        46.8 MB  11.7 M      lstm brgemm:avx512_core\n"
            "b                12                      failed                   "
            "                                weights.safetensors: truncated\n");
}

TEST_F(ModelsCommandTest, TellsAllOfAModel) {
  const CliResult result = Run({"models", "en@canary", "fr/3"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(
      result.out,
      StartsWith("en/7\n"
                 "  state           ready since 2001-09-09 01:46:40 UTC\n"
                 "  reload error    DATA_LOSS: weights.safetensors: cut off\n"
                 "  labels          canary\n"
                 "  precision       int8\n"
                 "  isa             avx512_core_vnni\n"
                 "  memory          46.8 MB, and 34.5 kB for 12 states "
                 "remembered\n"
                 "  loaded in       0.25 s\n"
                 "  dev_perplexity  29.5\n"
                 "  epochs          3\n"
                 "\n"
                 "fr/3\n"));
}

TEST_F(ModelsCommandTest, AllOfAModelAsJsonIsOneLine) {
  const CliResult result = Run({"models", "--json", "en@canary"});
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"input\":\"en@canary\",\"model\":{"),
                    HasSubstr("\"dev_perplexity\":29.5"),
                    HasSubstr("\"readyTime\":\"2001-09-09T01:46:40Z\"")));
}

TEST_F(ModelsCommandTest, NameThatIsNoneIsTold) {
  const CliResult result = Run({"models", "en@"});
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("NAME/VERSION or NAME@LABEL"));
}

TEST_F(ModelsCommandTest, ModelsAsJsonAreOneLine) {
  const CliResult result = Run({"models", "--json"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"models\":[{\"name\":\"autocomplete-en\","),
                    HasSubstr("\"state\":\"STATE_FAILED\"")));
}

}  // namespace
}  // namespace carousel
