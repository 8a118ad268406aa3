// weft write URL: a file into the blocks of a namespace.
#include <CLI/App.hpp>

#include <cstring>

#include "connection.hpp"
#include "copy_report.hpp"
#include "data_file.hpp"
#include "progress.hpp"

namespace weft::tools {
namespace {

struct Arguments {
  AddressArguments address;
  std::uint32_t nsid = 1;
  std::uint64_t lba = 0;
  std::string input;
};

// What is known to be wrong before the first block is written.
Outcome<void> check_room(const Arguments& arguments, const Namespace& to, const DataFile& input) {
  if (to.read_only) return failed(Error(EROFS, fmt::format("namespace {} can only be read", to.nsid)));
  if (arguments.lba >= to.blocks) {
    return usage(
        fmt::format("--lba {} lies beyond namespace {}, which has {} blocks", arguments.lba, to.nsid, to.blocks));
  }
  const std::uint64_t room = (to.blocks - arguments.lba) * to.block_size;
  if (const auto size = input.size(); size && *size > room) {
    return failed(Error(ENOSPC, fmt::format("{} has {} bytes, but from LBA {} namespace {} has room for {}",
                                            input.path(), *size, arguments.lba, to.nsid, room)));
  }
  return {};
}

// Returns the bytes that were written; what is missing of the last block becomes zeroes.
Outcome<std::uint64_t> copy(Program& program, BlockingHost& host, const Namespace& to, std::uint64_t lba,
                            DataFile& input) {
  const Result<DataBuffer> buffer = DataBuffer::allocate(kCopyChunk);
  if (!buffer) return failed(buffer.error());
  Progress progress(program, "writing", input.size().value_or(0));
  std::uint64_t done = 0;
  while (true) {
    const Result<std::size_t> count = input.read(buffer->bytes());
    if (!count) return failed(count.error());
    if (*count == 0) return done;
    const std::size_t whole = (*count + to.block_size - 1) / to.block_size * to.block_size;
    const std::span<std::byte> chunk = buffer->bytes().first(whole);
    std::memset(chunk.data() + *count, 0, whole - *count);
    const std::uint64_t at = lba + done / to.block_size;
    if (whole / to.block_size > to.blocks - at) {
      return failed(
          Error(ENOSPC, fmt::format("{} is longer than the namespace: {} bytes were written", input.path(), done)));
    }
    if (Status written = host.write(to, at, chunk); !written) {
      return failed(written.error(), fmt::format("writing at LBA {}", at));
    }
    done += *count;
    progress.update(done);
    if (*count < buffer->bytes().size()) return done;
  }
}

Outcome<void> write(Program& program, const Arguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments.address, Need::kIo);
  if (!remote) return std::unexpected(remote.error());
  const Result<std::unique_ptr<DataFile>> input = DataFile::open_input(arguments.input);
  if (!input) return failed(input.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  const Outcome<Namespace> to = find_namespace(**host, arguments.nsid, remote->address);
  if (!to) return std::unexpected(to.error());
  if (Outcome<void> good = check_room(arguments, *to, **input); !good) return good;

  CopyReport report(remote->address, *to, arguments.lba, 0);
  const Outcome<std::uint64_t> copied = copy(program, **host, *to, arguments.lba, **input);
  if (!copied) return std::unexpected(copied.error());
  if (Status flushed = (*host)->flush(*to); !flushed) return failed(flushed.error(), "flushing what was written");
  report.set_bytes(*copied);
  report.print(program, "wrote", (*input)->path(), stdout);
  return {};
}

}  // namespace

void add_write(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(
      app, program, "write", "Write a file into the blocks of a namespace; the rest of the last block becomes zeroes",
      "  weft write tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --nsid 1 --lba 0 --input disk.img\n"
      "  tar c docs | weft write tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --input -");
  auto arguments = std::make_shared<Arguments>();
  arguments->address.declare(*command);
  command->add_option("--nsid", arguments->nsid, "Namespace (1)")->type_name("N")->check(CLI::Range(1u, 0xfffffffeu));
  command->add_option("--lba", arguments->lba, "First block (0)")->type_name("LBA");
  command->add_option("--input", arguments->input, "File to read, or - for standard input")
      ->required()
      ->type_name("FILE");
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return write(program, *arguments); }; });
}

}  // namespace weft::tools
