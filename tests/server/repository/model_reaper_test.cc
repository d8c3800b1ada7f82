// SPDX-License-Identifier: Apache-2.0

#include "server/repository/model_reaper.h"

#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

class ModelReaperTest : public testing::Test {
 protected:
  // A model that says on which thread it is freed, by the end of what it is a
  // part of.
  struct Watched {
    ~Watched() {
      *freed_on = std::this_thread::get_id();
      freed->count_down();
    }
    std::shared_ptr<const Model> model;
    std::thread::id* freed_on;
    std::latch* freed;
  };

  std::shared_ptr<const Model> MakeModel() {
    EXPECT_THAT(WriteTinyBundle(dir_.File("en/1"), {"the", "house"}, 1),
                IsOk());
    auto watched = std::make_shared<Watched>();
    watched->model = Model::Load(dir_.File("en/1")).value();
    watched->freed_on = &freed_on_;
    watched->freed = &freed_;
    const Model* const model = watched->model.get();
    return std::shared_ptr<const Model>(std::move(watched), model);
  }

  TempDir dir_;
  std::thread::id freed_on_;
  std::latch freed_{1};
};

// Whoever lets go last goes on at once.
TEST_F(ModelReaperTest, FreesOnItsOwnThread) {
  ModelReaper reaper;
  auto model = reaper.Adopt(MakeModel());
  EXPECT_EQ(model->task(), Task::kLanguageModel);
  auto other = model;
  model.reset();
  EXPECT_FALSE(freed_.try_wait());
  other.reset();
  freed_.wait();
  EXPECT_NE(freed_on_, std::this_thread::get_id());
}

// A weak pointer keeps the place where the model was noted, not the model.
TEST_F(ModelReaperTest, WeakPointersKeepNothingAlive) {
  ModelReaper reaper;
  auto model = reaper.Adopt(MakeModel());
  const std::weak_ptr<const Model> weak = model;
  model.reset();
  EXPECT_TRUE(weak.expired());
  reaper.Settle();
  EXPECT_TRUE(freed_.try_wait());
}

// What is loaded next can count on the room.
TEST_F(ModelReaperTest, SettleWaitsUntilAllIsFreed) {
  ModelReaper reaper;
  reaper.Settle();
  reaper.Adopt(MakeModel()).reset();
  reaper.Settle();
  EXPECT_TRUE(freed_.try_wait());
}

// At the end of the process a request may still hold a model.
TEST_F(ModelReaperTest, ModelMayOutliveTheReaper) {
  std::optional<ModelReaper> reaper(std::in_place);
  auto model = reaper->Adopt(MakeModel());
  const std::weak_ptr<const Model> weak = model;
  reaper.reset();
  EXPECT_EQ(model->task(), Task::kLanguageModel);
  model.reset();
  EXPECT_TRUE(freed_.try_wait());
  EXPECT_EQ(freed_on_, std::this_thread::get_id());
}

// Nothing that was let go is left behind.
TEST_F(ModelReaperTest, EndFreesWhatWasLetGo) {
  {
    ModelReaper reaper;
    reaper.Adopt(MakeModel()).reset();
  }
  EXPECT_TRUE(freed_.try_wait());
}

}  // namespace
}  // namespace carousel
