// Files that are not loaded: each with its own sentence, and without any of its code having run where that can be told.
#include <elf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "abi/plugin_folder.hpp"
#include "weft/transport.hpp"

namespace weft::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Why the only plugin of a folder was refused.
std::string refusal_in(const std::string& folder) {
  TransportRegistry registry(SearchPath{{folder}});
  registry.load_all();
  const std::vector<Candidate> candidates = registry.candidates();
  EXPECT_EQ(candidates.size(), 1u) << folder;
  if (candidates.size() != 1) return "";
  EXPECT_FALSE(candidates[0].accepted) << folder;
  EXPECT_TRUE(registry.transports().empty());
  return candidates[0].reason;
}

std::string refusal_of(const char* which) { return refusal_in(variant(which)); }

// ... of a good one whose bytes were changed.
std::string refusal_after(const std::function<void(std::vector<char>&)>& change) {
  std::vector<char> bytes = PluginFolder::good();
  change(bytes);
  PluginFolder folder;
  folder.put(bytes);
  return refusal_in(folder.path());
}

TEST(Refusing, ATableSmallerThanOneDotNought) {
  EXPECT_EQ(refusal_of("too_small"),
            "table of 96 bytes is smaller than 1.0, which has " + std::to_string(sizeof(weft_transport)));
}

TEST(Refusing, HalfATable) { EXPECT_EQ(refusal_of("half_table"), "table lacks group_arm, which every transport has"); }

TEST(Refusing, HalfAController) {
  EXPECT_EQ(refusal_of("half_controller"),
            "table lacks listen, which the controller role needs: all of its operations or none");
}

TEST(Refusing, AReservedFieldThatIsSet) { EXPECT_EQ(refusal_of("reserved"), "reserved byte 2 is 7, not 0"); }

TEST(Refusing, NoTable) { EXPECT_EQ(refusal_of("no_table"), "its entry function returns no table"); }

TEST(Refusing, ANameThatIsNoScheme) {
  EXPECT_EQ(refusal_of("bad_name"), "name 'Vari-ant' is not a lower-case letter and then letters and digits");
}

TEST(Refusing, AnotherAbiWithoutRunningAnyOfIt) {
  unsetenv("WEFT_TEST_CONSTRUCTOR_RAN");
  EXPECT_EQ(refusal_of("other_abi"), "is built for ABI 2, this is 1");
  EXPECT_EQ(getenv("WEFT_TEST_CONSTRUCTOR_RAN"), nullptr);
}

TEST(Refusing, ALibraryThatIsNoTransportWithoutRunningAnyOfIt) {
  unsetenv("WEFT_TEST_CONSTRUCTOR_RAN");
  EXPECT_EQ(refusal_of("no_entry"), "is no transport: it does not export weft_transport_v1");
  EXPECT_EQ(getenv("WEFT_TEST_CONSTRUCTOR_RAN"), nullptr);
}

TEST(Refusing, AMissingDependencyIsNamed) {
  EXPECT_EQ(refusal_of("lacks_dependency"),
            "cannot be loaded: libweft-test-dependency.so: cannot open shared object file: No such file or directory");
}

TEST(Refusing, AMissingSymbolIsNamed) {
  EXPECT_EQ(refusal_of("lacks_symbol"), "cannot be loaded: undefined symbol: weft_test_symbol_of_nobody");
}

TEST(Refusing, AFileThatIsNotElf) {
  PluginFolder folder;
  folder.put(std::vector<char>(4096, '#'));
  EXPECT_EQ(refusal_in(folder.path()), "is not an ELF file");
}

TEST(Refusing, AnEmptyFile) {
  PluginFolder folder;
  folder.put({});
  EXPECT_EQ(refusal_in(folder.path()), "is not an ELF file: it has 0 bytes");
}

TEST(Refusing, AFileThatIsCutShort) {
  const std::size_t whole = PluginFolder::loaded_end(PluginFolder::good());
  for (const std::size_t length : {std::size_t{64}, std::size_t{700}, whole / 2, whole - 1})
    EXPECT_THAT(refusal_after([&](std::vector<char>& bytes) { bytes.resize(length); }), StartsWith("is cut short"));
}

TEST(Refusing, AnotherMachine) {
  EXPECT_THAT(
      refusal_after([](std::vector<char>& bytes) { bytes[offsetof(Elf64_Ehdr, e_machine)] = char(EM_SPARCV9); }),
      StartsWith("is built for machine 43, this is "));
}

TEST(Refusing, A32BitLibrary) {
  EXPECT_EQ(refusal_after([](std::vector<char>& bytes) { bytes[EI_CLASS] = ELFCLASS32; }),
            "is a 32-bit library, this process has 64 bits");
}

TEST(Refusing, TheOtherByteOrder) {
  EXPECT_EQ(refusal_after([](std::vector<char>& bytes) { bytes[EI_DATA] = char(3 - bytes[EI_DATA]); }),
            "has the other byte order");
}

TEST(Refusing, AnObjectFile) {
  EXPECT_EQ(refusal_after([](std::vector<char>& bytes) { bytes[offsetof(Elf64_Ehdr, e_type)] = ET_REL; }),
            "is an object file, not a shared library");
}

TEST(Refusing, AFileThatAnyoneCanWrite) {
  PluginFolder folder;
  chmod(folder.put(PluginFolder::good()).c_str(), 0666);
  EXPECT_EQ(refusal_in(folder.path()), "the file can be written by anyone");
}

TEST(Refusing, AFolderThatAnyoneCanWrite) {
  PluginFolder folder;
  folder.put(PluginFolder::good());
  chmod(folder.path().c_str(), 0777);
  EXPECT_EQ(refusal_in(folder.path()), "its folder " + folder.path() + " can be written by anyone");
}

TEST(Refusing, AFolderBelowOneThatAnyoneCanWrite) {
  PluginFolder folder;
  std::filesystem::create_directory(folder.path() + "/below");
  folder.put(PluginFolder::good(), "below/libweft-variant.so");
  chmod(folder.path().c_str(), 0777);
  EXPECT_EQ(refusal_in(folder.path() + "/below"), folder.path() + ", above its folder, can be written by anyone");
  chmod(folder.path().c_str(), 01777);  // as /tmp
  TransportRegistry registry(SearchPath{{folder.path() + "/below"}});
  EXPECT_TRUE(registry.find("variant", WEFT_ROLE_HOST));
}

TEST(Refusing, ALinkToAFileInAFolderThatAnyoneCanWrite) {
  PluginFolder folder, elsewhere;
  std::filesystem::create_symlink(elsewhere.put(PluginFolder::good()), folder.path() + "/libweft-variant.so");
  chmod(elsewhere.path().c_str(), 0777);
  EXPECT_EQ(refusal_in(folder.path()), "its folder " + elsewhere.path() + " can be written by anyone");
}

TEST(Refusing, ALinkThatLeadsNowhere) {
  PluginFolder folder;
  std::filesystem::create_symlink("nowhere.so", folder.path() + "/libweft-variant.so");
  EXPECT_EQ(refusal_in(folder.path()), "cannot be found: No such file or directory");
}

TEST(Refusing, AFileThatIsNoFile) {
  PluginFolder folder;
  std::filesystem::create_directory(folder.path() + "/libweft-variant.so");
  EXPECT_EQ(refusal_in(folder.path()), "is not a regular file");
  std::filesystem::remove(folder.path() + "/libweft-variant.so");
  ASSERT_EQ(mkfifo((folder.path() + "/libweft-variant.so").c_str(), 0600), 0);
  EXPECT_EQ(refusal_in(folder.path()), "is not a regular file");
}

TEST(Refusing, AFileOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  PluginFolder folder;
  ASSERT_EQ(chown(folder.put(PluginFolder::good()).c_str(), 4711, 4711), 0);
  EXPECT_EQ(refusal_in(folder.path()), "the file belongs to user 4711, neither root nor the caller (0)");
}

TEST(Refusing, AFolderBelowOneOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another user";
  PluginFolder folder;
  std::filesystem::create_directories(folder.path() + "/mid/below");
  folder.put(PluginFolder::good(), "mid/below/libweft-variant.so");
  for (const std::string& theirs : {folder.path(), folder.path() + "/mid"}) {
    ASSERT_EQ(chown(theirs.c_str(), 4711, 4711), 0);
    EXPECT_EQ(refusal_in(folder.path() + "/mid/below"),
              theirs + ", above its folder, belongs to user 4711, neither root nor the caller (0)");
    ASSERT_EQ(chown(theirs.c_str(), 0, 0), 0);
  }
  TransportRegistry registry(SearchPath{{folder.path() + "/mid/below"}});
  EXPECT_TRUE(registry.find("variant", WEFT_ROLE_HOST));
}

TEST(Refusing, AFolderBelowOneThatAForeignGroupCanWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another group";
  PluginFolder folder;
  std::filesystem::create_directory(folder.path() + "/below");
  folder.put(PluginFolder::good(), "below/libweft-variant.so");
  ASSERT_EQ(chown(folder.path().c_str(), 0, 4711), 0);
  chmod(folder.path().c_str(), 0775);
  EXPECT_EQ(
      refusal_in(folder.path() + "/below"),
      fmt::format("{}, above its folder, can be written by group 4711, which is neither root's nor the caller's ({})",
                  folder.path(), getegid()));
  chmod(folder.path().c_str(), 01775);  // nobody but the owner can replace what lies there
  TransportRegistry registry(SearchPath{{folder.path() + "/below"}});
  EXPECT_TRUE(registry.find("variant", WEFT_ROLE_HOST));
}

// Whoever owns a folder on the way can lead the way elsewhere later.
TEST(Refusing, AWayThroughAFolderOrLinkOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another user";
  PluginFolder good, theirs;
  good.put(PluginFolder::good());
  std::filesystem::create_directory_symlink(good.path(), theirs.path() + "/way");
  ASSERT_EQ(chown(theirs.path().c_str(), 4711, 4711), 0);
  EXPECT_EQ(refusal_in(theirs.path() + "/way"),
            theirs.path() + ", above its folder, belongs to user 4711, neither root nor the caller (0)");
  EXPECT_EQ(refusal_in(theirs.path() + "/../" + std::filesystem::path(good.path()).filename().string()),
            theirs.path() + ", above its folder, belongs to user 4711, neither root nor the caller (0)");
  ASSERT_EQ(chown(theirs.path().c_str(), 0, 0), 0);
  chmod(theirs.path().c_str(), 01777);  // as /tmp: anyone can put a link there
  ASSERT_EQ(lchown((theirs.path() + "/way").c_str(), 4711, 4711), 0);
  EXPECT_EQ(refusal_in(theirs.path() + "/way"),
            "the link way in " + theirs.path() + " belongs to user 4711, neither root nor the caller (0)");
}

TEST(Refusing, LinksThatLeadRoundInACircle) {
  PluginFolder folder;
  std::filesystem::create_symlink("libweft-variant.so", folder.path() + "/libweft-variant.so");
  EXPECT_EQ(refusal_in(folder.path()), "cannot be found: Too many levels of symbolic links");
}

TEST(Refusing, NothingOfAWayOfLinksAndStepsUp) {
  PluginFolder folder, other;
  std::filesystem::create_directory(folder.path() + "/deep");
  other.put(PluginFolder::good());
  const std::string up = "../../" + std::filesystem::path(other.path()).filename().string();
  std::filesystem::create_directory_symlink(up, folder.path() + "/deep/way");
  std::filesystem::create_symlink("./way/..//" + up.substr(6) + "/libweft-variant.so",
                                  folder.path() + "/deep/libweft-variant.so");
  TransportRegistry registry(SearchPath{{folder.path() + "/deep/way/../" + up.substr(6) + "/../" +
                                         std::filesystem::path(folder.path()).filename().string() + "/deep"}});
  EXPECT_TRUE(registry.find("variant", WEFT_ROLE_HOST)) << registry.candidates().front().reason;
}

TEST(Refusing, AFileThatAnotherGroupCanWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another group";
  PluginFolder folder;
  const std::string file = folder.put(PluginFolder::good());
  ASSERT_EQ(chown(file.c_str(), 0, 4711), 0);
  chmod(file.c_str(), 0664);
  EXPECT_EQ(refusal_in(folder.path()), "the file can be written by group 4711, which is not the caller's (0)");
}

TEST(Refusing, ItsOwnGroupMayWrite) {
  PluginFolder folder;
  chmod(folder.put(PluginFolder::good()).c_str(), 0664);
  TransportRegistry registry(SearchPath{{folder.path()}});
  EXPECT_TRUE(registry.find("variant", WEFT_ROLE_HOST));
}

// What a person reads when nothing answers.
TEST(Absent, ANoteSaysWhyATransportWasLeftOut) {
  PluginFolder folder;
  const std::string sentence = "it was left out of this build: libquux was not there";
  folder.put(std::vector<char>(sentence.begin(), sentence.end()), "libweft-quux.absent");
  EXPECT_EQ(refusal_in(folder.path()), sentence);
  TransportRegistry registry(SearchPath{{folder.path()}});
  const Result<Transport*> found = registry.find("quux", WEFT_ROLE_HOST);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().text, HasSubstr("; libweft-quux.absent: " + sentence));
}

TEST(Absent, ANoteIsOneLineThatHarmsNoTerminal) {
  PluginFolder folder;
  folder.put({'n', 'o', '\x1b', '[', '2', 'J', '\n', 'm', 'o', 'r', 'e'}, "libweft-quux.absent");
  EXPECT_EQ(refusal_in(folder.path()), "no\\x1b[2J");
}

TEST(Absent, AnEmptyNoteIsANoteToo) {
  PluginFolder folder;
  folder.put({}, "libweft-quux.absent");
  EXPECT_THAT(refusal_in(folder.path()), HasSubstr("left out"));
}

TEST(NobodyAnswers, NamesTheFoldersTheRefusedAndTheNearestName) {
  PluginFolder empty;
  TransportRegistry registry(
      SearchPath{{empty.path(), "/does/not/exist", variant("too_small"), variant("other_name")}});
  const Result<Transport*> found = registry.find("okpai", WEFT_ROLE_HOST);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ENOENT);
  EXPECT_EQ(found.error().text, "no transport answers to 'okpai': looked in " + empty.path() +
                                    ", /does/not/exist (No such file or directory), " + variant("too_small") + ", " +
                                    variant("other_name") +
                                    "; libweft-variant.so refused: table of 96 bytes is smaller than 1.0, which has " +
                                    std::to_string(sizeof(weft_transport)) + "; did you mean okapi?");
}

TEST(NobodyAnswers, SaysWhenThereIsNoFolderToLookIn) {
  TransportRegistry registry(SearchPath{});
  EXPECT_EQ(registry.find("okapi", WEFT_ROLE_HOST).error().text,
            "no transport answers to 'okapi': no folder was given to look in");
}

TEST(NobodyAnswers, AWordThatIsNoScheme) {
  TransportRegistry registry(SearchPath{{variant("good")}});
  for (const char* scheme : {"", "../x", "Variant", "1variant", "vari ant"})
    EXPECT_EQ(registry.find(scheme, WEFT_ROLE_HOST).error().code, EINVAL) << scheme;
  EXPECT_TRUE(registry.candidates().empty());
}

}  // namespace
}  // namespace weft::test
