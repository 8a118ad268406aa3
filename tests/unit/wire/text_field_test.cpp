#include "core/wire/text_field.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace weft::wire {
namespace {

using Field = std::array<char, 8>;

TEST(TextField, IsPaddedToItsEnd) {
  Field field;
  field.fill('z');
  write_text(field, "WEFT1");
  EXPECT_EQ(std::string(field.data(), field.size()), "WEFT1   ");
  write_text(field, "ab", '\0');
  EXPECT_EQ(std::string(field.data(), field.size()), std::string("ab\0\0\0\0\0\0", 8));
}

TEST(TextField, TextThatDoesNotFitIsCut) {
  Field field{};
  write_text(field, "123456789");
  EXPECT_EQ(std::string(field.data(), field.size()), "12345678");
}

TEST(TextField, IsReadWithoutEitherPadding) {
  EXPECT_EQ(read_text(Field{'4', '4', '2', '0'}), "4420");
  EXPECT_EQ(read_text(Field{'4', '4', '2', '0', ' ', ' ', ' ', ' '}), "4420");
  EXPECT_EQ(read_text(Field{'4', '4', ' ', ' ', '\0', 'x', 'y', 'z'}), "44");
  EXPECT_EQ(read_text(Field{'a', ' ', 'b', 'c', 'd', 'e', 'f', 'g'}), "a bcdefg");
  EXPECT_EQ(read_text(Field{' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '}), "");
  EXPECT_EQ(read_text(Field{}), "");
}

TEST(TextField, PrintableTextHasNoControlBytes) {
  EXPECT_EQ(printable("nqn.2026-01.org ~"), "nqn.2026-01.org ~");
  EXPECT_EQ(printable("a\x1b[2Jb\n\\"), "a\\x1b[2Jb\\x0a\\\\");
  EXPECT_EQ(printable("\xff\x7f"), "\\xff\\x7f");
}

}  // namespace
}  // namespace weft::wire
