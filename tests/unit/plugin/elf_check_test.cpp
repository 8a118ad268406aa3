#include "core/plugin/elf_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <string>

#include "unit/plugin/elf_image.hpp"

namespace weft {
namespace {

using test::ElfImage;
using testing::HasSubstr;

// "" when accepted.
std::string verdict(std::span<const std::byte> bytes) {
  MemoryBytes file(bytes);
  const Status status = check_elf(file);
  return status ? "" : status.error().text;
}

std::string verdict_after(const std::function<void(ElfImage&)>& spoil, bool sysv_hash = false) {
  ElfImage image("weft_transport_v1", sysv_hash);
  spoil(image);
  return verdict(image.bytes());
}

void nothing(ElfImage&) {}

TEST(ElfCheck, AcceptsTheSmallestLibraryThatDefinesTheEntry) {
  EXPECT_EQ(verdict_after(nothing), "");
  EXPECT_EQ(verdict_after(nothing, true), "");
}

TEST(ElfCheck, RefusesAnyCutShortFile) {
  const std::vector<std::byte> bytes = ElfImage("weft_transport_v1").bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(verdict(std::span(bytes).first(length)), "") << length;
}

struct Spoilt {
  const char* name;
  void (*spoil)(ElfImage&);
  const char* sentence;
};

class ElfCheckRefuses : public testing::TestWithParam<Spoilt> {};

TEST_P(ElfCheckRefuses, WithItsOwnSentence) {
  EXPECT_THAT(verdict_after(GetParam().spoil), HasSubstr(GetParam().sentence));
}

constexpr Spoilt kSpoilt[] = {
    {"Magic", [](ElfImage& i) { i.header.e_ident[0] = 'X'; }, "is not an ELF file"},
    {"Class", [](ElfImage& i) { i.header.e_ident[EI_CLASS] = ELFCLASS32; }, "is a 32-bit library"},
    {"ClassUnknown", [](ElfImage& i) { i.header.e_ident[EI_CLASS] = 9; }, "(class unknown)"},
    {"ByteOrder", [](ElfImage& i) { i.header.e_ident[EI_DATA] = 7; }, "has the other byte order"},
    {"Machine", [](ElfImage& i) { i.header.e_machine = EM_ARM; }, "is built for Arm (32 bits), this is"},
    {"Program", [](ElfImage& i) { i.header.e_type = ET_EXEC; }, "is a program"},
    {"Core", [](ElfImage& i) { i.header.e_type = ET_CORE; }, "is not a shared library"},
    {"NoSegments", [](ElfImage& i) { i.header.e_phnum = 0; }, "says it has 0 segments"},
    {"TooManySegments", [](ElfImage& i) { i.header.e_phnum = 0xffff; }, "says it has 65535 segments"},
    {"SegmentSize", [](ElfImage& i) { i.header.e_phentsize = 32; }, "segments of 32 bytes"},
    {"SegmentsBeyondTheEnd", [](ElfImage& i) { i.header.e_phoff = sizeof(ElfImage) - 60; }, "list of its segments"},
    {"SegmentsOffsetWraps", [](ElfImage& i) { i.header.e_phoff = UINT64_MAX - 8; }, "list of its segments"},
    {"SegmentBeyondTheEnd", [](ElfImage& i) { ++i.load.p_filesz; }, "is cut short: segment 0"},
    {"SegmentWraps", [](ElfImage& i) { i.load.p_offset = UINT64_MAX; }, "is cut short: segment 0"},
    {"SegmentLargerThanItsMemory", [](ElfImage& i) { --i.load.p_memsz; }, "larger in the file than in memory"},
    {"AddressWraps", [](ElfImage& i) { i.load.p_vaddr = UINT64_MAX; }, "larger in the file than in memory"},
    {"NothingToLoad", [](ElfImage& i) { i.load.p_type = PT_NOTE; }, "nothing to load"},
    {"NoDynamicSection", [](ElfImage& i) { i.dynamic.p_type = PT_NOTE; }, "no dynamic section"},
    {"DynamicBeyondTheEnd", [](ElfImage& i) { i.dynamic.p_filesz = sizeof(ElfImage); }, "is cut short: segment 1"},
    {"NoSymbolTable", [](ElfImage& i) { i.entries[0].d_tag = DT_DEBUG; }, "no table of dynamic symbols"},
    {"NoNames", [](ElfImage& i) { i.entries[1].d_tag = DT_DEBUG; }, "no table of dynamic symbols"},
    {"NoHash", [](ElfImage& i) { i.entries[3].d_tag = DT_DEBUG; }, "no table of dynamic symbols"},
    {"HashOutside", [](ElfImage& i) { i.entries[3].d_un.d_ptr = 8; }, "hash table lies in no segment"},
    {"SymbolsOutside", [](ElfImage& i) { i.entries[0].d_un.d_ptr = UINT64_MAX - 3; },
     "table of symbols lies in no segment"},
    {"NamesOutside", [](ElfImage& i) { i.entries[1].d_un.d_ptr = 8; }, "table of names lies in no segment"},
    {"NamesTooShort", [](ElfImage& i) { i.entries[2].d_un.d_val = 10; }, "does not export weft_transport_v1"},
    {"NoBuckets", [](ElfImage& i) { i.gnu_head[0] = 0; }, "does not export weft_transport_v1"},
    {"HugeFilter", [](ElfImage& i) { i.gnu_head[2] = UINT32_MAX; }, "hash table lies in no segment"},
    {"ChainDoesNotEnd",
     [](ElfImage& i) {
       i.gnu_chain = 2;
       i.load.p_filesz = offsetof(ElfImage, sysv);
     },
     "hash table lies in no segment"},
    {"OtherHash", [](ElfImage& i) { i.gnu_chain += 2; }, "does not export weft_transport_v1"},
    {"OtherName", [](ElfImage& i) { i.names[3] = 'x'; }, "does not export weft_transport_v1"},
    {"LongerName", [](ElfImage& i) { std::strcpy(i.names + 1, "weft_transport_v10"); }, "does not export"},
    {"OnlyUsed", [](ElfImage& i) { i.symbols[1].st_shndx = SHN_UNDEF; }, "does not export weft_transport_v1"},
    {"NoFunction", [](ElfImage& i) { i.symbols[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT); },
     "does not export"},
};

INSTANTIATE_TEST_SUITE_P(Fields, ElfCheckRefuses, testing::ValuesIn(kSpoilt),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(ElfCheck, RefusesASysvChainThatRunsInACircle) {
  EXPECT_EQ(verdict_after(
                [](ElfImage& image) {
                  image.names[1] = 'x';
                  image.sysv[4] = 1;
                },
                true),
            "is damaged: a chain of its hash table does not end");
}

TEST(ElfCheck, NamesTheAbiOfAPluginForAnotherMajor) {
  for (unsigned major : {0u, 2u, 15u}) {
    const std::string number = std::to_string(major);
    EXPECT_EQ(verdict(ElfImage("weft_transport_v" + number).bytes()), "is built for ABI " + number + ", this is 1");
    EXPECT_EQ(verdict(ElfImage("weft_transport_v" + number, true).bytes()),
              "is built for ABI " + number + ", this is 1");
  }
}

// Whatever the bytes: an answer, and no read outside (the sanitizers watch). The seed is fixed.
TEST(ElfCheck, SurvivesAnyChangedBytes) {
  std::mt19937 random(1);
  const std::vector<std::byte> good = ElfImage("weft_transport_v1").bytes();
  unsigned accepted = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = good;
    for (unsigned i = 0; i <= round % 4; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (verdict(bytes).empty()) ++accepted;
  }
  EXPECT_GT(accepted, 100u);  // changes where nobody looks
  EXPECT_LT(accepted, 19000u);
}

}  // namespace
}  // namespace weft
