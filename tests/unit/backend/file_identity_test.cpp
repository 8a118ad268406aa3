// By what a file or device is known again: the same as long as it is the same storage, and never that of a copy.
#include "core/backend/file_identity.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "core/backend/device_identity.hpp"
#include "core/backend/file_ties.hpp"
#include "core/util/unique_fd.hpp"

namespace weft {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kMachineA[] = "0123456789abcdef0123456789abcdef", kMachineB[] = "f123456789abcdef0123456789abcdef";

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::current_path() / "identity.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    sources_.machine_id = folder_ / "machine-id";
    sources_.state_folder = folder_ / "state" / "weft";
    sources_.sys = folder_ / "sys";
    sources_.udev = folder_ / "udev";
    put("machine-id", kMachineA);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const std::string& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text << "\n";
  }
  UniqueFd opened(const std::string& name, int flags = O_RDWR) const {
    UniqueFd fd(open((folder_ / name).c_str(), flags | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd);
    return fd;
  }
  StorageIdentity identity(const std::string& name, bool may_write = true) const {
    return identify_file(opened(name).get(), may_write, sources_);
  }
  std::string known(const std::string& name, bool may_write = true) const {
    const StorageIdentity found = identity(name, may_write);
    EXPECT_EQ(found.bytes.size(), 16u) << found.note;
    EXPECT_EQ(found.note, "");
    return found.bytes;
  }
  std::string attribute(const std::string& name) const {
    char text[4096];
    const ssize_t size = getxattr((folder_ / name).c_str(), kIdentityAttribute, text, sizeof text);
    return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
  }
  void set_attribute(const std::string& name, const std::string& value) const {
    opened(name);
    ASSERT_EQ(setxattr((folder_ / name).c_str(), kIdentityAttribute, value.data(), value.size(), 0), 0);
  }
  void needs_attributes() const {
    opened("probe");
    if (setxattr((folder_ / "probe").c_str(), "user.weft.probe", "1", 1, 0) != 0)
      GTEST_SKIP() << "the file system of the build folder has no user attributes";
  }

  fs::path folder_;
  IdentitySources sources_;
};

// ---- Files with an attribute

class Attributes : public Identity {
 protected:
  void SetUp() override {
    Identity::SetUp();
    needs_attributes();
  }
};

TEST_F(Attributes, AFileIsTheSameDiskEachTime) {
  const std::string first = known("disk");
  EXPECT_EQ(known("disk"), first);
  EXPECT_NE(known("other"), first);
  EXPECT_TRUE(wire::parse_uuid(attribute("disk").substr(0, 36)));
  EXPECT_FALSE(fs::exists(sources_.state_folder)) << "no state is kept where the attribute does";
  EXPECT_THAT(attribute("disk"), testing::Not(HasSubstr(kMachineA))) << "the machine id stays in the machine";
}

TEST_F(Attributes, ARenameALinkAndNewContentLeaveIt) {
  const std::string first = known("disk");
  fs::rename(folder_ / "disk", folder_ / "renamed");
  EXPECT_EQ(known("renamed"), first);
  fs::create_hard_link(folder_ / "renamed", folder_ / "link");
  EXPECT_EQ(known("link"), first);
  fs::create_symlink("link", folder_ / "symlink");
  EXPECT_EQ(known("symlink"), first);
  ASSERT_EQ(truncate((folder_ / "link").c_str(), 1 << 20), 0);
  EXPECT_EQ(known("link"), first);
}

TEST_F(Attributes, ACopyIsAnotherDiskAndSaysSoOnce) {
  const std::string first = known("disk");
  set_attribute("copy", attribute("disk"));
  const StorageIdentity copy = identity("copy");
  EXPECT_EQ(copy.bytes.size(), 16u);
  EXPECT_NE(copy.bytes, first);
  EXPECT_THAT(copy.note, HasSubstr("it is a copy of another disk"));
  EXPECT_EQ(known("copy"), copy.bytes);
  EXPECT_EQ(known("disk"), first);
}

TEST_F(Attributes, AFileThatTakesThePlaceOfAnotherIsAnotherDisk) {
  const std::string first = known("disk");
  set_attribute("new", attribute("disk"));
  fs::rename(folder_ / "new", folder_ / "disk");
  EXPECT_NE(identity("disk").bytes, first);
  const std::string second = known("disk");
  // The same name, and often the same inode number at once.
  for (int i = 0; i < 8; ++i) {
    const std::string old = attribute("disk");
    fs::remove(folder_ / "disk");
    set_attribute("disk", old);
    EXPECT_NE(identity("disk").bytes, second) << i;
  }
}

TEST_F(Attributes, OnAnotherMachineItIsAnotherDisk) {
  const std::string first = known("disk");
  const std::string copied = attribute("disk");
  put("machine-id", kMachineB);
  EXPECT_NE(identity("disk").bytes, first);
  put("machine-id", kMachineA);
  set_attribute("disk", copied);
  EXPECT_EQ(known("disk"), first);
}

TEST_F(Attributes, WithoutAMachineIdAFileIsKnownAllTheSame) {
  for (const char* const none : {"", "uninitialized", "00000000000000000000000000000000"}) {
    put("machine-id", none);
    const std::string name = std::string("disk") + none;
    const std::string first = known(name);
    EXPECT_EQ(known(name), first);
    set_attribute("copy", attribute(name));
    EXPECT_NE(identity("copy").bytes, first);
    put("machine-id", kMachineA);
    EXPECT_EQ(known(name), first) << "and when there is one later";
  }
}

TEST_F(Attributes, ADamagedOneIsReplacedAndSaysSo) {
  known("disk");
  const std::string good = attribute("disk"), uuid = good.substr(0, 36), rest = good.substr(36);
  for (const std::string& damaged :
       {std::string(), std::string("\0\xff\x1b", 3), uuid, uuid + " ", "x" + good.substr(1), good.substr(1),
        std::string("00000000-0000-0000-0000-000000000000") + rest, uuid + " inode=12",
        uuid + " = ==  =", std::string(4000, 'a')}) {
    set_attribute("disk", damaged);
    const StorageIdentity found = identity("disk");
    EXPECT_EQ(found.bytes.size(), 16u);
    EXPECT_THAT(found.note, HasSubstr("is damaged, so it is a new disk")) << damaged;
    EXPECT_EQ(known("disk"), found.bytes);
  }
}

TEST_F(Attributes, ManyAtOnceAgree) {
  for (const std::string name : {"a", "b", "c", "d"}) {
    opened(name);
    std::vector<std::string> found(8);
    std::vector<std::thread> threads;
    for (std::string& one : found) threads.emplace_back([&, this] { one = identity(name).bytes; });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), 1u);
    EXPECT_EQ(known(name), found.front());
  }
}

TEST_F(Attributes, AFileThatMayOnlyBeReadIsReadAndNotWritten) {
  known("disk", false);
  EXPECT_EQ(attribute("disk"), "");
  const std::string written = known("other");
  const std::string before = attribute("other");
  EXPECT_EQ(known("other", false), written);
  set_attribute("copy", before);
  EXPECT_NE(identity("copy", false).bytes, written);
  EXPECT_EQ(attribute("copy"), before);
}

// ---- The state file

TEST_F(Identity, WithoutAnAttributeTheStateFileKnowsIt) {
  const std::string first = known("disk", false);
  EXPECT_TRUE(fs::exists(fs::path(sources_.state_folder) / "identity"));
  EXPECT_EQ(known("disk", false), first);
  EXPECT_NE(known("other", false), first);
  fs::rename(folder_ / "disk", folder_ / "renamed");
  EXPECT_EQ(known("renamed", false), first);
  fs::remove(folder_ / "renamed");
  for (int i = 0; i < 8; ++i) {
    EXPECT_NE(known("renamed", false), first) << "another file of that name, perhaps with its inode number";
    fs::remove(folder_ / "renamed");
  }
}

TEST_F(Identity, AFileThatMayBeWrittenLaterStaysTheSameDisk) {
  const std::string first = known("disk", false);
  EXPECT_EQ(known("disk", true), first);
  EXPECT_EQ(known("disk", false), first);
}

TEST_F(Identity, AnotherStateOrAnotherMachineIsAnotherDisk) {
  const std::string first = known("disk", false);
  put("machine-id", kMachineB);
  EXPECT_NE(known("disk", false), first);
  put("machine-id", kMachineA);
  fs::remove_all(sources_.state_folder);
  EXPECT_NE(known("disk", false), first);
}

TEST_F(Identity, WithoutAStateFolderNothingIsKnownAndTheReasonIsSaid) {
  sources_.state_folder = "";
  StorageIdentity found = identity("disk", false);
  EXPECT_EQ(found.bytes, "");
  EXPECT_EQ(found.note,
            "it has no attribute user.weft.uuid to be known by, and there is no folder for state: set STATE_DIRECTORY, "
            "XDG_STATE_HOME or HOME");
  put("file", "");
  sources_.state_folder = folder_ / "file" / "state";
  found = identity("disk", false);
  EXPECT_EQ(found.bytes, "");
  EXPECT_THAT(found.note, HasSubstr("cannot "));
  EXPECT_THAT(found.note, HasSubstr(sources_.state_folder));
}

TEST_F(Identity, ADamagedStateFileIsReplacedAndSaysSo) {
  known("disk", false);
  for (const char* const damaged : {"", "nonsense", "00000000-0000-0000-0000-000000000000"}) {
    put("state/weft/identity", damaged);
    const StorageIdentity found = identity("disk", false);
    EXPECT_THAT(found.note, HasSubstr("state/weft/identity was damaged and is made anew, so it is a new disk"));
    EXPECT_EQ(known("disk", false), found.bytes) << damaged;
  }
}

TEST_F(Identity, AStateFileThatCannotBeReadIsLeftAlone) {
  fs::create_directories(sources_.state_folder);
  fs::create_symlink("identity", fs::path(sources_.state_folder) / "identity");  // a loop
  const StorageIdentity found = identity("disk", false);
  EXPECT_EQ(found.bytes, "");
  EXPECT_THAT(found.note, HasSubstr("cannot read "));
  EXPECT_TRUE(fs::is_symlink(fs::path(sources_.state_folder) / "identity"));
}

TEST_F(Identity, ManyThatMakeTheStateFileAgree) {
  for (int round = 0; round < 8; ++round) {
    fs::remove_all(sources_.state_folder);
    std::vector<wire::Uuid> found(8);
    std::vector<std::thread> threads;
    for (wire::Uuid& one : found)
      threads.emplace_back([&, this] { one = find_or_make_installation(sources_).value_or(Installation{}).uuid; });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::set<wire::Uuid>(found.begin(), found.end()).size(), 1u);
    EXPECT_FALSE(wire::is_nil(found.front()));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(sources_.state_folder), fs::directory_iterator()), 1) << "no drafts";
}

TEST(Sources, TakeTheStateFolderThatTheEnvironmentNames) {
  const auto folder = [](const char* state, const char* xdg, const char* home) {
    const auto set = [](const char* name, const char* value) {
      value == nullptr ? unsetenv(name) : setenv(name, value, 1);
    };
    set("STATE_DIRECTORY", state);
    set("XDG_STATE_HOME", xdg);
    set("HOME", home);
    return IdentitySources::of_this_process().state_folder;
  };
  const std::string home = getenv("HOME") != nullptr ? getenv("HOME") : "/";
  EXPECT_EQ(folder("/var/lib/weft", "/x", "/home/a"), "/var/lib/weft");
  EXPECT_EQ(folder("/var/lib/weft:/var/lib/other", "/x", "/home/a"), "/var/lib/weft");
  EXPECT_EQ(folder("relative", "/x", "/home/a"), "/x/weft");
  EXPECT_EQ(folder(nullptr, "", "/home/a"), "/home/a/.local/state/weft");
  EXPECT_EQ(folder(nullptr, nullptr, nullptr), "");
  unsetenv("STATE_DIRECTORY");
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", home.c_str(), 1);
}

// ---- Ties

TEST(TiesOfAFile, AreReadAsTheyAreWritten) {
  const Ties ties{{"born", "1.5"}, {"inode", "12"}, {"machine", "m"}};
  EXPECT_EQ(format_ties(ties), "born=1.5 inode=12 machine=m");
  EXPECT_EQ(parse_ties("  born=1.5 inode=12  nonsense =x machine=m "), ties);
  EXPECT_EQ(parse_ties(""), Ties{});
}

TEST(TiesOfAFile, AgreeInWhatBothKnow) {
  const Ties full{{"born", "1.5"}, {"fs", "f"}, {"handle", "h"}, {"inode", "12"}, {"machine", "m"}};
  EXPECT_TRUE(same_file(full, full));
  for (const char* const key : {"born", "fs", "handle", "inode", "machine"}) {
    Ties other = full;
    other[key] = "another";
    EXPECT_FALSE(same_file(full, other)) << key;
    other.erase(key);
    EXPECT_EQ(same_file(full, other), std::string(key) != "inode") << key;
  }
  EXPECT_FALSE(same_file({{"inode", "12"}, {"machine", "m"}}, full)) << "a number that comes back is not enough";
  EXPECT_FALSE(same_file({{"inode", "12"}, {"born", "1"}}, {{"inode", "12"}, {"handle", "h"}}));
}

// ---- Block devices, in a tree as the kernel shows it

class Devices : public Identity {
 protected:
  // PATH below sys/devices, with files NAME=TEXT in it.
  dev_t device(unsigned minor, const std::string& path, const std::map<std::string, std::string>& files = {}) {
    const std::string folder = "sys/devices/" + path;
    fs::create_directories(folder_ / folder);
    put(folder + "/dev", "8:" + std::to_string(minor));
    for (const auto& [name, text] : files) put(folder + "/" + name, text);
    fs::create_directories(folder_ / "sys/dev/block");
    fs::create_symlink(folder_ / folder, folder_ / ("sys/dev/block/8:" + std::to_string(minor)));
    return makedev(8, minor);
  }
  StorageIdentity identity(dev_t device, std::uint64_t bytes = 1 << 20) const {
    return identify_device(device, bytes, sources_);
  }
  std::string known(dev_t device, std::uint64_t bytes = 1 << 20) const {
    const StorageIdentity found = identity(device, bytes);
    EXPECT_EQ(found.bytes.size(), 16u) << found.note;
    return found.bytes;
  }
};

TEST_F(Devices, AreKnownByTheirNumbersWhereverTheyAre) {
  unsigned minor = 0;
  for (const std::string name : {"wwid", "device/wwid", "serial", "dm/uuid", "md/uuid", "device/cid"}) {
    const auto disk = [&](const char* number) {
      ++minor;
      return device(minor, "pci0000:00/" + std::to_string(minor) + "/block/disk", {{name, number}});
    };
    const std::string a = known(disk("S1"));
    const std::string b = known(disk("S1"), 5);
    const std::string c = known(disk("S2"));
    EXPECT_EQ(a, b) << name;
    EXPECT_NE(a, c) << name;
  }
  EXPECT_FALSE(fs::exists(sources_.state_folder));
}

TEST_F(Devices, OfTheSameNumberOnAnotherMachineAreOthers) {
  const dev_t disk = device(0, "pci0000:00/1/block/sda", {{"device/wwid", "t10.ATA QEMU HARDDISK QM00001"}});
  const std::string here = known(disk);
  put("machine-id", kMachineB);
  EXPECT_NE(known(disk), here);
  put("machine-id", "");
  const std::string unnamed = known(disk);
  EXPECT_EQ(known(disk), unnamed) << "by the state file";
  sources_.state_folder = "";
  EXPECT_EQ(identity(disk).bytes, "");
}

TEST_F(Devices, PartitionsAreTheirPlaceInTheDisk) {
  device(0, "pci0000:00/1/block/sda", {{"wwid", "S1"}});
  const dev_t one = device(1, "pci0000:00/1/block/sda/sda1", {{"partition", "1"}, {"start", "2048"}});
  const dev_t two = device(2, "pci0000:00/1/block/sda/sda2", {{"partition", "2"}, {"start", "4096"}});
  EXPECT_NE(known(one), known(two));
  EXPECT_NE(known(one), known(makedev(8, 0)));
}

TEST_F(Devices, PartitionsOfADiskWithoutANumberAreKnownByTheirTable) {
  device(0, "pci0000:00/0/virtio1/block/vda");
  const dev_t by_kernel =
      device(1, "pci0000:00/0/virtio1/block/vda/vda1", {{"partition", "1"}, {"uevent", "MAJOR=8\nPARTUUID=aa-1"}});
  const dev_t by_udev = device(2, "pci0000:00/0/virtio1/block/vda/vda2", {{"partition", "1"}});
  put("udev/b8:2", "S:disk\nE:ID_PART_ENTRY_UUID=aa-1");
  EXPECT_EQ(known(by_kernel), known(by_udev));
  const dev_t clone =
      device(3, "pci0000:00/5/virtio7/block/vdb/vdb1", {{"partition", "1"}, {"uevent", "PARTUUID=aa-1"}});
  EXPECT_NE(known(by_kernel), known(clone)) << "a copy of the whole disk";
}

TEST_F(Devices, AVirtualDiskWithoutANumberIsItsSlotAndSize) {
  const dev_t disk = device(0, "pci0000:00/0000:00:05.0/virtio2/block/vdb");
  const std::string first = known(disk, 4096);
  EXPECT_NE(known(disk, 8192), first);
  EXPECT_EQ(known(device(1, "pci0000:00/0000:00:05.0/virtio3/block/vdc"), 4096), first) << "found in another order";
  EXPECT_NE(known(device(2, "pci0000:00/0000:00:06.0/virtio2/block/vdb"), 4096), first);
  sources_.state_folder = "";
  EXPECT_EQ(identity(disk).bytes, "");
}

TEST_F(Devices, WithoutAnythingAreUnknownAndSaySo) {
  unsigned minor = 0;
  for (const char* const path : {"virtual/block/zram0", "virtual/block/nbd0", "rbd/0/block/rbd0"}) {
    const StorageIdentity found = identity(device(minor++, path));
    EXPECT_EQ(found.bytes, "") << path;
    EXPECT_EQ(found.note, "it has no WWN and no serial number to be known by");
  }
  EXPECT_EQ(identity(device(minor++, "virtual/block/a", {{"serial", "0000000000"}, {"wwid", " "}})).bytes, "");
  EXPECT_EQ(identity(makedev(8, 200)).bytes, "") << "the kernel does not show it";
}

TEST_F(Devices, ALoopDeviceIsTheFileBehindIt) {
  opened("image");
  opened("other");
  const auto loop = [&](unsigned minor, const char* file, const char* offset) {
    return known(device(minor, "virtual/block/loop" + std::to_string(minor),
                        {{"loop/backing_file", (folder_ / file).string()}, {"loop/offset", offset}}));
  };
  const std::string first = loop(0, "image", "0");
  EXPECT_EQ(loop(1, "image", "0"), first);
  EXPECT_NE(loop(2, "image", "512"), first);
  EXPECT_NE(loop(3, "other", "0"), first);
  EXPECT_EQ(identity(device(4, "virtual/block/loop4", {{"loop/backing_file", "/gone (deleted)"}})).bytes, "");
}

}  // namespace
}  // namespace weft
