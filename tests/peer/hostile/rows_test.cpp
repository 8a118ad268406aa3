// The table itself: no row twice, and as many as were promised.

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <tuple>

#include "tests/peer/hostile/rows.hpp"

namespace weft::hostile {
namespace {

enum class Role { kTarget, kHost };
using Name = std::tuple<Role, std::string_view, int, std::string_view, std::string_view>;

class Names {
 public:
  void add(const Name& name) {
    EXPECT_TRUE(names_.insert(name).second) << "twice: " << std::get<1>(name) << ", PDU type " << std::get<2>(name)
                                            << ", " << std::get<3>(name) << " " << std::get<4>(name);
  }
  void add(Role role, std::span<const Row> rows) {
    for (const Row& row : rows) add({role, row.state, int{row.type}, row.field, row.kind});
  }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::set<Name> names_;
};

TEST(Rows, AreAllDistinctAndAtLeast100) {
  Names names;
  names.add(Role::kTarget, target_rows());
  names.add(Role::kTarget, target_data_rows());
  for (const CommandRow& row : command_rows()) names.add({Role::kTarget, row.state, kCapsuleCmd, row.field, row.kind});
  const std::size_t of_targets = names.size();
  names.add(Role::kHost, host_rows());
  names.add(Role::kHost, host_data_rows());
  EXPECT_GE(of_targets, 100U);
  EXPECT_GE(names.size() - of_targets, 100U);
  RecordProperty("rows", static_cast<int>(names.size()));
}

}  // namespace
}  // namespace weft::hostile
