// OpenSHMEM behind Node-API: one symmetric allocation, puts and gets by offset, progress. No schedule logic.
//
// All threads of a process share one library and one allocation. Every call into the library holds one lock; none of them
// waits for another rank but `init`, `allocate` and `finish`, which run on a thread of libuv's pool.

#include <napi.h>
#include <shmem.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

// OpenSHMEM has no call that only makes progress, and UCX over TCP makes none by itself: Open MPI's own.
extern "C" void opal_progress(void);

namespace {

std::mutex library;
unsigned char* base = nullptr;
std::size_t base_bytes = 0;

using Clock = std::chrono::steady_clock;

/// Rung by the other thread of this process; see `Ring`.
std::mutex bell;
std::condition_variable rung_bell;

/// Naps between two looks for transfers last this share of the time since something that a rank waits for came, so that
/// what comes is seen that much late at most. Each look takes 5 to 10 us of a core that other ranks of the host compute on.
constexpr int kNapShare = 4;
constexpr std::chrono::microseconds kShortNap{50}, kLongNap{1000};

/// A look that takes longer has moved so many bytes that more are on their way.
constexpr std::chrono::microseconds kBusyLook{200};

std::size_t Bytes(const Napi::Value& value) { return static_cast<std::size_t>(value.ToNumber().DoubleValue()); }

/// Whether `runs` runs of `bytes` each lie inside the allocation.
bool IsInside(std::size_t offset, std::size_t stride, std::size_t bytes, std::size_t runs) {
  if (runs == 0) return true;
  return offset <= base_bytes && bytes <= base_bytes && (runs - 1) * stride + bytes <= base_bytes - offset;
}

/// Runs blocking work on libuv's pool and resolves with what `result` makes of it; an empty message means success.
class Blocking : public Napi::AsyncWorker {
 public:
  Blocking(Napi::Env env, std::function<std::string()> work, std::function<Napi::Value(Napi::Env)> result)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)),
        result_(std::move(result)) {}
  Napi::Promise Start() {
    Queue();
    return deferred_.Promise();
  }
  void Execute() override {
    const std::string error = work_();
    if (!error.empty()) SetError(error);
  }
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<std::string()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
};

/// init(): Promise<{ rank, ranks }>. Returns once all ranks are there.
Napi::Value Init(const Napi::CallbackInfo& info) {
  auto work = []() -> std::string {
    int provided = SHMEM_THREAD_SINGLE;
    if (shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) != 0) return "shmem_init_thread failed";
    if (provided < SHMEM_THREAD_SERIALIZED) return "the library does not let several threads call it";
    return "";
  };
  auto result = [](Napi::Env env) -> Napi::Value {
    Napi::Object ranks = Napi::Object::New(env);
    ranks.Set("rank", shmem_my_pe());
    ranks.Set("ranks", shmem_n_pes());
    return ranks;
  };
  return (new Blocking(info.Env(), work, result))->Start();
}

/// allocate(bytes): Promise<void>. Zeroed symmetric memory, once all ranks ask for it; takes the place of earlier memory.
Napi::Value Allocate(const Napi::CallbackInfo& info) {
  const std::size_t bytes = Bytes(info[0]);
  auto work = [bytes]() -> std::string {
    if (base != nullptr) shmem_free(base);
    base = static_cast<unsigned char*>(shmem_malloc(bytes));
    if (base == nullptr) return "no symmetric memory for " + std::to_string(bytes) + " bytes";
    base_bytes = bytes;
    std::memset(base, 0, bytes);
    shmem_barrier_all();
    return "";
  };
  return (new Blocking(info.Env(), work, [](Napi::Env env) { return env.Undefined(); }))->Start();
}

/// memory(): ArrayBuffer over the symmetric memory, without a copy; on any thread.
Napi::Value Memory(const Napi::CallbackInfo& info) {
  if (base == nullptr) throw Napi::Error::New(info.Env(), "no symmetric memory is allocated");
  return Napi::ArrayBuffer::New(info.Env(), base, base_bytes, [](Napi::Env, void*) {});
}

struct Runs {
  int peer;
  std::size_t from, from_stride, to, to_stride, bytes, runs;
};

/// (peer, from, fromStride, to, toStride, bytes, runs)
Runs ReadRuns(const Napi::CallbackInfo& info) {
  const Runs runs{info[0].ToNumber().Int32Value(), Bytes(info[1]), Bytes(info[2]), Bytes(info[3]),
                  Bytes(info[4]), Bytes(info[5]), Bytes(info[6])};
  if (runs.peer < 0 || runs.peer >= shmem_n_pes()) throw Napi::RangeError::New(info.Env(), "no such rank");
  if (!IsInside(runs.from, runs.from_stride, runs.bytes, runs.runs) ||
      !IsInside(runs.to, runs.to_stride, runs.bytes, runs.runs))
    throw Napi::RangeError::New(info.Env(), "a transfer leaves the symmetric memory");
  return runs;
}

/// put(...): from here to the peer. Returns at once; the source must stay until the put has been acknowledged.
void Put(const Napi::CallbackInfo& info) {
  const Runs runs = ReadRuns(info);
  const std::lock_guard<std::mutex> lock(library);
  for (std::size_t i = 0; i < runs.runs; i++)
    shmem_putmem_nbi(base + runs.to + i * runs.to_stride, base + runs.from + i * runs.from_stride, runs.bytes, runs.peer);
}

/// get(...): from the peer to here. Returns at once.
void Get(const Napi::CallbackInfo& info) {
  const Runs runs = ReadRuns(info);
  const std::lock_guard<std::mutex> lock(library);
  for (std::size_t i = 0; i < runs.runs; i++)
    shmem_getmem_nbi(base + runs.to + i * runs.to_stride, base + runs.from + i * runs.from_stride, runs.bytes, runs.peer);
}

/// signal(peer, from, to): the 64-bit word at `from` to the peer's word at `to`, after all puts to it so far.
void Signal(const Napi::CallbackInfo& info) {
  const int peer = info[0].ToNumber().Int32Value();
  const std::size_t from = Bytes(info[1]);
  const std::size_t to = Bytes(info[2]);
  if (peer < 0 || peer >= shmem_n_pes() || !IsInside(from, 0, 8, 1) || !IsInside(to, 0, 8, 1))
    throw Napi::RangeError::New(info.Env(), "a signal leaves the symmetric memory");
  const std::lock_guard<std::mutex> lock(library);
  shmem_fence();
#if SHMEM_MAJOR_VERSION > 1 || (SHMEM_MAJOR_VERSION == 1 && SHMEM_MINOR_VERSION >= 5)
  std::uint64_t value;
  std::memcpy(&value, base + from, sizeof value);
  shmem_putmem_signal_nbi(base + to, base + from, 0, reinterpret_cast<std::uint64_t*>(base + to), value,
                          SHMEM_SIGNAL_SET, peer);
#else
  // Open MPI 4.1 sets a word atomically by a swap that waits for the other rank's answer: 299 ms where it computes. The
  // word says itself whether it is whole (see words.ts), so that a put of 8 bytes will do.
  shmem_putmem_nbi(base + to, base + from, sizeof(std::uint64_t), peer);
#endif
}

/// fence(): puts and gets from now on come after those so far, rank by rank.
void Fence(const Napi::CallbackInfo&) {
  const std::lock_guard<std::mutex> lock(library);
  shmem_fence();
}

std::uint64_t SumOfWords(std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (std::size_t at = from; at < to; at += 8) {
    const auto* word = reinterpret_cast<const std::atomic<std::uint64_t>*>(base + at);
    sum = sum * 31 + word->load(std::memory_order_acquire);
  }
  return sum;
}

std::atomic<std::int32_t>* Doorbell(const Napi::CallbackInfo& info) {
  return reinterpret_cast<std::atomic<std::int32_t>*>(info[0].As<Napi::Int32Array>().Data());
}

/// ring(doorbell: Int32Array): adds 1 to its first word and wakes the thread in `progress`.
void Ring(const Napi::CallbackInfo& info) {
  {
    const std::lock_guard<std::mutex> lock(bell);
    Doorbell(info)->fetch_add(1, std::memory_order_acq_rel);
  }
  rung_bell.notify_all();
}

/// progress(doorbell: Int32Array, rung, wordBytes, partsFrom, partsTo, maxMicroseconds): serves transfers until the first
/// word of the doorbell is not `rung` any more, a word among the first `wordBytes` of the memory changes, or the time is
/// over. True if a word changed that is not in `[partsFrom, partsTo)`.
Napi::Value Progress(const Napi::CallbackInfo& info) {
  const auto* doorbell = Doorbell(info);
  const std::int32_t rung = info[1].ToNumber().Int32Value();
  const std::size_t words = std::min(Bytes(info[2]), base_bytes) & ~std::size_t{7};
  const std::size_t parts_from = std::min(Bytes(info[3]), words), parts_to = std::min(Bytes(info[4]), words);
  const auto until = Clock::now() + std::chrono::microseconds(info[5].ToNumber().Int64Value());
  static thread_local std::uint64_t seen = 0, seen_parts = 0;
  static thread_local Clock::time_point changed = Clock::now();
  for (;;) {
    const auto before = Clock::now();
    {
      const std::lock_guard<std::mutex> lock(library);
      opal_progress();
    }
    const auto now = Clock::now();
    const std::uint64_t sum = SumOfWords(0, parts_from) * 31 + SumOfWords(parts_to, words);
    const std::uint64_t sum_of_parts = SumOfWords(parts_from, parts_to);
    const bool has_changed = sum != seen, have_parts_changed = sum_of_parts != seen_parts;
    const bool has_rung = doorbell->load(std::memory_order_acquire) != rung;
    seen = sum;
    seen_parts = sum_of_parts;
    if (has_changed || has_rung) changed = now;
    if (has_changed || has_rung || have_parts_changed || now >= until)
      return Napi::Boolean::New(info.Env(), has_changed);
    const Clock::duration nap =
        now - before > kBusyLook ? kShortNap : std::clamp<Clock::duration>((now - changed) / kNapShare, kShortNap, kLongNap);
    std::unique_lock<std::mutex> lock(bell);
    rung_bell.wait_for(lock, nap, [&] { return doorbell->load(std::memory_order_acquire) != rung; });
  }
}

/// finish(): ends the process with exit code 0 once all ranks do. `shmem_finalize` of Open MPI 4.1.4 crashes.
Napi::Value Finish(const Napi::CallbackInfo& info) {
  auto work = []() -> std::string {
    shmem_barrier_all();
    shmem_global_exit(0);
    return "";
  };
  return (new Blocking(info.Env(), work, [](Napi::Env env) { return env.Undefined(); }))->Start();
}

Napi::Object Load(Napi::Env env, Napi::Object exports) {
  exports.Set("version", std::to_string(SHMEM_MAJOR_VERSION) + "." + std::to_string(SHMEM_MINOR_VERSION));
  exports.Set("init", Napi::Function::New(env, Init));
  exports.Set("allocate", Napi::Function::New(env, Allocate));
  exports.Set("memory", Napi::Function::New(env, Memory));
  exports.Set("put", Napi::Function::New(env, Put));
  exports.Set("get", Napi::Function::New(env, Get));
  exports.Set("signal", Napi::Function::New(env, Signal));
  exports.Set("fence", Napi::Function::New(env, Fence));
  exports.Set("ring", Napi::Function::New(env, Ring));
  exports.Set("progress", Napi::Function::New(env, Progress));
  exports.Set("finish", Napi::Function::New(env, Finish));
  return exports;
}

}  // namespace

NODE_API_MODULE(openshmem, Load)
