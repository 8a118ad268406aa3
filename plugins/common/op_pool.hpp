// op_pool.hpp - the operations of a group, each with a borrowed list of memory, and room for the lists that are longer
// than what an operation has itself.
//
//   struct Op { Op* next; Piece* list = inline_list; Piece inline_list[kInlineIov]; ... };
//
// Both come from pools that are made large enough when queue pairs are opened. Thread: the group's. take() never fails
// within what was reserved; reserve() throws std::bad_alloc, and then had no effect.
#ifndef WEFT_PLUGIN_OP_POOL_HPP
#define WEFT_PLUGIN_OP_POOL_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "object_pool.hpp"

namespace weft::plugin {

constexpr std::uint32_t kMaxIov = 32;
constexpr std::uint32_t kInlineIov = 2;

template <class Op>
class OpPool {
 public:
  void reserve(std::uint32_t more) {
    ops_.reserve(more);
    try {
      blocks_.reserve(more);
    } catch (...) {
      ops_.unreserve(more);
      throw;
    }
  }
  void unreserve(std::uint32_t less) {
    ops_.unreserve(less);
    blocks_.unreserve(less);
  }
  // A new operation whose list has room for so many pieces, at most kMaxIov.
  Op& take(std::size_t pieces) {
    ++in_use_;
    Op& op = *new (&ops_.take()) Op;
    if (pieces > kInlineIov) op.list = blocks_.take().list;
    return op;
  }
  void give_back(Op& op) {
    assert(in_use_ != 0);
    --in_use_;
    if (op.list != op.inline_list) blocks_.give_back(*reinterpret_cast<Block*>(op.list));
    ops_.give_back(op);
  }
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }

 private:
  struct Block {
    union {
      Block* next;
      std::remove_pointer_t<decltype(Op::list)> list[kMaxIov];
    };
  };
  ObjectPool<Op> ops_;
  ObjectPool<Block> blocks_;
  std::uint32_t in_use_ = 0;
};

}  // namespace weft::plugin

#endif
