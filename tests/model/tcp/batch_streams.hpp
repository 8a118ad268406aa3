// batch_streams.hpp - PDUs as a peer sends them, streams of them, and ways to cut a stream.
//
// A PDU that is cut anywhere is never taken in a batch: the same stream, once whole and once cut, shows whether the batch's
// straight line and the code that judges every field come to the same events, bytes and ends.
#ifndef WEFT_TESTS_MODEL_TCP_BATCH_STREAMS_HPP
#define WEFT_TESTS_MODEL_TCP_BATCH_STREAMS_HPP

#include <functional>
#include <string>
#include <vector>

#include "world.hpp"

namespace weft::test {

struct Stream {
  Bytes bytes;
  std::vector<std::size_t> starts;  // of its PDUs

  Stream& add(const Bytes& pdu);
};

Bytes capsule_pdu(const Sqe& sqe, std::uint32_t length, const Bytes* inside = nullptr);  // its SGL is filled in
Bytes c2h_pdu(std::uint16_t cid, std::uint8_t flags, std::uint32_t offset, const Bytes& data);
Bytes response_pdu(const Cqe& cqe);

using Cuts = std::vector<std::size_t>;  // positions in a stream, ascending
// Behind the first byte of each PDU: none is ever seen whole.
Cuts behind_first_bytes(const Stream& stream);
Cuts everywhere(const Stream& stream);

using Lines = std::vector<std::string>;
std::string in_hex(const void* bytes, std::size_t count);
// What was sent back. Of a TermReq only as much of the echo as every cut leaves: it has what had come of the bad header.
std::string sent_in_hex(Bytes sent);
// Sends the stream piece by piece, with turns between.
void feed(RawPeer& peer, const Bytes& bytes, const Cuts& cuts);

// What one run of the stream gives; it is told where the stream is cut.
using Run = std::function<Lines(const Bytes& stream, const Cuts& cuts)>;
// Whole, cut everywhere, and cut in two at every byte: the same lines.
void expect_the_same_however_cut(const Stream& stream, const Run& run);
// Each bit of bytes [from, to) inverted, and each byte made 0 and ff: whole, and cut behind first bytes.
void expect_the_same_when_damaged(const Stream& stream, std::size_t from, std::size_t to, const Run& run);

}  // namespace weft::test

#endif
