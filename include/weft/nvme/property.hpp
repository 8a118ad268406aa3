// property.hpp - a controller's properties: their offsets, and CAP, VS, CC, CSTS and CRTO as values with named bits.
//
//   auto cc = nvme::Cc().with_iosqes(6).with_iocqes(4).with_enable(true);   set_property(nvme::property::kCc,
//   cc.value()); if (nvme::Csts(value).ready()) ...
//
// A `with_` returns a changed copy; bits of the argument that do not fit its field are dropped. Value types; any
// thread.
#ifndef WEFT_NVME_PROPERTY_HPP
#define WEFT_NVME_PROPERTY_HPP

#include <cstdint>

namespace weft::nvme {

namespace property {
inline constexpr std::uint32_t kCap = 0x00;  // 8 bytes; all others 4
inline constexpr std::uint32_t kVs = 0x08;
inline constexpr std::uint32_t kCc = 0x14;
inline constexpr std::uint32_t kCsts = 0x1C;
inline constexpr std::uint32_t kNssr = 0x20;
inline constexpr std::uint32_t kNssd = 0x64;
inline constexpr std::uint32_t kCrto = 0x68;

inline constexpr std::uint32_t kNssrReset = 0x4E564D65;  // "NVMe": resets the subsystem
}  // namespace property

// A register of type T whose fields are bit ranges.
template <class Derived, class T>
class PropertyValue {
 public:
  constexpr PropertyValue() = default;
  constexpr explicit PropertyValue(T value) : value_(value) {}
  [[nodiscard]] constexpr T value() const { return value_; }
  friend constexpr bool operator==(const PropertyValue&, const PropertyValue&) = default;

 protected:
  template <unsigned Low, unsigned Width>
  [[nodiscard]] constexpr T get() const {
    return (value_ >> Low) & kMask<Width>;
  }
  template <unsigned Low, unsigned Width>
  [[nodiscard]] constexpr Derived with(T field) const {
    return Derived((value_ & ~(kMask<Width> << Low)) | ((field & kMask<Width>) << Low));
  }

 private:
  template <unsigned Width>
  static constexpr T kMask = static_cast<T>((T{1} << Width) - 1);

  T value_ = 0;
};

class Cap : public PropertyValue<Cap, std::uint64_t> {
 public:
  static constexpr std::uint32_t kCssNvm = 1 << 0;         // bit 37
  static constexpr std::uint32_t kCssSelectable = 1 << 6;  // bit 43: more sets, listed by Identify CNS 1Ch
  static constexpr std::uint32_t kCssNoIo = 1 << 7;        // bit 44
  static constexpr std::uint32_t kTimeoutUnitMs = 500;

  using PropertyValue::PropertyValue;
  [[nodiscard]] constexpr std::uint32_t mqes() const { return narrow(get<0, 16>()); }  // 0's based
  [[nodiscard]] constexpr bool cqr() const { return get<16, 1>() != 0; }
  [[nodiscard]] constexpr std::uint32_t ams() const { return narrow(get<17, 2>()); }
  [[nodiscard]] constexpr std::uint32_t to() const { return narrow(get<24, 8>()); }  // 500 ms units
  [[nodiscard]] constexpr std::uint32_t timeout_ms() const { return to() * kTimeoutUnitMs; }
  [[nodiscard]] constexpr std::uint32_t dstrd() const { return narrow(get<32, 4>()); }
  [[nodiscard]] constexpr bool nssrs() const { return get<36, 1>() != 0; }
  [[nodiscard]] constexpr std::uint32_t css() const { return narrow(get<37, 8>()); }
  [[nodiscard]] constexpr bool bps() const { return get<45, 1>() != 0; }
  [[nodiscard]] constexpr std::uint32_t cps() const { return narrow(get<46, 2>()); }
  [[nodiscard]] constexpr std::uint32_t mpsmin() const { return narrow(get<48, 4>()); }  // page: 2^(12+n)
  [[nodiscard]] constexpr std::uint32_t mpsmax() const { return narrow(get<52, 4>()); }
  [[nodiscard]] constexpr bool pmrs() const { return get<56, 1>() != 0; }
  [[nodiscard]] constexpr bool cmbs() const { return get<57, 1>() != 0; }
  [[nodiscard]] constexpr bool nsss() const { return get<58, 1>() != 0; }
  [[nodiscard]] constexpr bool crwms() const { return get<59, 1>() != 0; }
  [[nodiscard]] constexpr bool crims() const { return get<60, 1>() != 0; }
  [[nodiscard]] constexpr bool nsses() const { return get<61, 1>() != 0; }

  [[nodiscard]] constexpr Cap with_mqes(std::uint32_t v) const { return with<0, 16>(v); }
  [[nodiscard]] constexpr Cap with_cqr(bool v) const { return with<16, 1>(v); }
  [[nodiscard]] constexpr Cap with_ams(std::uint32_t v) const { return with<17, 2>(v); }
  [[nodiscard]] constexpr Cap with_to(std::uint32_t v) const { return with<24, 8>(v); }
  [[nodiscard]] constexpr Cap with_dstrd(std::uint32_t v) const { return with<32, 4>(v); }
  [[nodiscard]] constexpr Cap with_nssrs(bool v) const { return with<36, 1>(v); }
  [[nodiscard]] constexpr Cap with_css(std::uint32_t v) const { return with<37, 8>(v); }
  [[nodiscard]] constexpr Cap with_bps(bool v) const { return with<45, 1>(v); }
  [[nodiscard]] constexpr Cap with_cps(std::uint32_t v) const { return with<46, 2>(v); }
  [[nodiscard]] constexpr Cap with_mpsmin(std::uint32_t v) const { return with<48, 4>(v); }
  [[nodiscard]] constexpr Cap with_mpsmax(std::uint32_t v) const { return with<52, 4>(v); }
  [[nodiscard]] constexpr Cap with_pmrs(bool v) const { return with<56, 1>(v); }
  [[nodiscard]] constexpr Cap with_cmbs(bool v) const { return with<57, 1>(v); }
  [[nodiscard]] constexpr Cap with_nsss(bool v) const { return with<58, 1>(v); }
  [[nodiscard]] constexpr Cap with_crwms(bool v) const { return with<59, 1>(v); }
  [[nodiscard]] constexpr Cap with_crims(bool v) const { return with<60, 1>(v); }
  [[nodiscard]] constexpr Cap with_nsses(bool v) const { return with<61, 1>(v); }

 private:
  static constexpr std::uint32_t narrow(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
};

class Vs : public PropertyValue<Vs, std::uint32_t> {
 public:
  using PropertyValue::PropertyValue;
  constexpr Vs(std::uint32_t major, std::uint32_t minor, std::uint32_t tertiary)
      : PropertyValue((major << 16) | ((minor & 0xFF) << 8) | (tertiary & 0xFF)) {}
  [[nodiscard]] constexpr std::uint32_t major_number() const { return get<16, 16>(); }
  [[nodiscard]] constexpr std::uint32_t minor_number() const { return get<8, 8>(); }
  [[nodiscard]] constexpr std::uint32_t tertiary_number() const { return get<0, 8>(); }
};

class Cc : public PropertyValue<Cc, std::uint32_t> {
 public:
  static constexpr std::uint32_t kCssNvm = 0;
  static constexpr std::uint32_t kCssAllIo = 6;
  static constexpr std::uint32_t kCssAdminOnly = 7;
  static constexpr std::uint32_t kShutdownNone = 0;
  static constexpr std::uint32_t kShutdownNormal = 1;
  static constexpr std::uint32_t kShutdownAbrupt = 2;
  static constexpr std::uint32_t kIosqes = 6;  // 64-byte submission queue entries
  static constexpr std::uint32_t kIocqes = 4;  // 16-byte completion queue entries

  using PropertyValue::PropertyValue;
  [[nodiscard]] constexpr bool enable() const { return get<0, 1>() != 0; }
  [[nodiscard]] constexpr std::uint32_t css() const { return get<4, 3>(); }
  [[nodiscard]] constexpr std::uint32_t mps() const { return get<7, 4>(); }
  [[nodiscard]] constexpr std::uint32_t ams() const { return get<11, 3>(); }
  [[nodiscard]] constexpr std::uint32_t shn() const { return get<14, 2>(); }
  [[nodiscard]] constexpr std::uint32_t iosqes() const { return get<16, 4>(); }
  [[nodiscard]] constexpr std::uint32_t iocqes() const { return get<20, 4>(); }
  [[nodiscard]] constexpr bool crime() const { return get<24, 1>() != 0; }

  [[nodiscard]] constexpr Cc with_enable(bool v) const { return with<0, 1>(v); }
  [[nodiscard]] constexpr Cc with_css(std::uint32_t v) const { return with<4, 3>(v); }
  [[nodiscard]] constexpr Cc with_mps(std::uint32_t v) const { return with<7, 4>(v); }
  [[nodiscard]] constexpr Cc with_ams(std::uint32_t v) const { return with<11, 3>(v); }
  [[nodiscard]] constexpr Cc with_shn(std::uint32_t v) const { return with<14, 2>(v); }
  [[nodiscard]] constexpr Cc with_iosqes(std::uint32_t v) const { return with<16, 4>(v); }
  [[nodiscard]] constexpr Cc with_iocqes(std::uint32_t v) const { return with<20, 4>(v); }
  [[nodiscard]] constexpr Cc with_crime(bool v) const { return with<24, 1>(v); }
};

class Csts : public PropertyValue<Csts, std::uint32_t> {
 public:
  static constexpr std::uint32_t kShutdownNone = 0;
  static constexpr std::uint32_t kShutdownInProgress = 1;
  static constexpr std::uint32_t kShutdownComplete = 2;

  using PropertyValue::PropertyValue;
  [[nodiscard]] constexpr bool ready() const { return get<0, 1>() != 0; }
  [[nodiscard]] constexpr bool fatal() const { return get<1, 1>() != 0; }  // CFS
  [[nodiscard]] constexpr std::uint32_t shst() const { return get<2, 2>(); }
  [[nodiscard]] constexpr bool nssro() const { return get<4, 1>() != 0; }
  [[nodiscard]] constexpr bool paused() const { return get<5, 1>() != 0; }         // PP
  [[nodiscard]] constexpr bool shutdown_type() const { return get<6, 1>() != 0; }  // ST

  [[nodiscard]] constexpr Csts with_ready(bool v) const { return with<0, 1>(v); }
  [[nodiscard]] constexpr Csts with_fatal(bool v) const { return with<1, 1>(v); }
  [[nodiscard]] constexpr Csts with_shst(std::uint32_t v) const { return with<2, 2>(v); }
  [[nodiscard]] constexpr Csts with_nssro(bool v) const { return with<4, 1>(v); }
  [[nodiscard]] constexpr Csts with_paused(bool v) const { return with<5, 1>(v); }
  [[nodiscard]] constexpr Csts with_shutdown_type(bool v) const { return with<6, 1>(v); }
};

class Crto : public PropertyValue<Crto, std::uint32_t> {
 public:
  using PropertyValue::PropertyValue;
  [[nodiscard]] constexpr std::uint32_t crwmt() const { return get<0, 16>(); }  // 500 ms units
  [[nodiscard]] constexpr std::uint32_t crimt() const { return get<16, 16>(); }
  [[nodiscard]] constexpr Crto with_crwmt(std::uint32_t v) const { return with<0, 16>(v); }
  [[nodiscard]] constexpr Crto with_crimt(std::uint32_t v) const { return with<16, 16>(v); }
};

}  // namespace weft::nvme

#endif
