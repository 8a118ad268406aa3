// lazy_array.hpp - an array of a fixed size whose elements are made from the front, as they are first used: memory beyond
// them is never touched, so an idle queue pair costs address space only.
//
// Thread: the owner's. The constructor throws std::bad_alloc; make() does not allocate. Elements never move.
#ifndef WEFT_PLUGIN_LAZY_ARRAY_HPP
#define WEFT_PLUGIN_LAZY_ARRAY_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace weft::plugin {

template <class T>
class LazyArray {
 public:
  LazyArray() = default;
  explicit LazyArray(std::uint32_t size)
      : elements_(static_cast<T*>(::operator new(std::size_t{size} * sizeof(T)))), size_(size) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  }
  LazyArray(const LazyArray& other) : LazyArray(other.size_) {
    for (const T& element : other) make(made_) = element;
  }
  ~LazyArray() { std::destroy_n(elements_.get(), made_); }
  LazyArray(LazyArray&& other) noexcept
      : elements_(std::move(other.elements_)),
        size_(std::exchange(other.size_, 0)),
        made_(std::exchange(other.made_, 0)) {}
  LazyArray& operator=(LazyArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(size_, other.size_);
    std::swap(made_, other.made_);
    return *this;
  }

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t made() const { return made_; }  // those below it can be used
  // The element, made with all before it unless it was.
  T& make(std::uint32_t index) {
    assert(index < size_);
    while (made_ <= index) [[unlikely]] {
      new (&elements_[made_]) T;
      ++made_;
    }
    return elements_[index];
  }

  [[nodiscard]] T& operator[](std::uint32_t index) {
    assert(index < made_);
    return elements_[index];
  }
  [[nodiscard]] const T& operator[](std::uint32_t index) const {
    assert(index < made_);
    return elements_[index];
  }
  [[nodiscard]] const T* begin() const { return elements_.get(); }
  [[nodiscard]] const T* end() const { return elements_.get() + made_; }

 private:
  struct Deallocate {
    void operator()(T* elements) const { ::operator delete(elements); }
  };
  std::unique_ptr<T[], Deallocate> elements_;
  std::uint32_t size_ = 0;
  std::uint32_t made_ = 0;
};

}  // namespace weft::plugin

#endif
