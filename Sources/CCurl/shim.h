#pragma once

// libcurl's setopt and getinfo are variadic, and Swift can't call variadic C: one typed function for each type of
// argument. The type checks that curl.h hangs on the variadic names are for literal call sites only.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
// The engine waits with these; the Glibc module lacks them.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <dlfcn.h>
#include <poll.h>
#include <malloc.h>
#include <string.h>

// libcurl's memory holds header lines with tokens and the bodies of Secrets. Memory that it frees is zeroed first. The
// usable size is what malloc gave, which is at least what libcurl asked for.
static void squadron_wiping_free(void *_Nullable memory) {
    if (!memory) return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *_Nullable squadron_wiping_realloc(void *_Nullable memory, size_t size) {
    if (!memory) return malloc(size);
    size_t before = malloc_usable_size(memory);
    // realloc would leave the old bytes behind when it moves a block.
    if (size <= before && size > before / 2) return memory;
    void *larger = malloc(size);
    if (!larger) return 0;
    memcpy(larger, memory, size < before ? size : before);
    squadron_wiping_free(memory);
    return larger;
}

static inline CURLcode squadron_global_init(void) {
    return curl_global_init_mem(
        CURL_GLOBAL_DEFAULT, malloc, squadron_wiping_free, squadron_wiping_realloc, strdup, calloc);
}

static inline CURLcode squadron_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode squadron_easy_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl copies the text (but that of CURLOPT_POSTFIELDS).
static inline CURLcode squadron_easy_set_text(CURL *easy, CURLoption option, const char *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode squadron_easy_set_pointer(CURL *easy, CURLoption option, const void *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

/// The list must outlive the transfer: libcurl keeps the pointer.
static inline CURLcode squadron_easy_set_list(CURL *easy, CURLoption option, struct curl_slist *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

/// The bytes must outlive the handle: libcurl keeps the pointer.
static inline CURLcode squadron_easy_set_blob(CURL *easy, CURLoption option, void *bytes, size_t count) {
    struct curl_blob blob = {bytes, count, CURL_BLOB_NOCOPY};
    return curl_easy_setopt(easy, option, &blob);
}

typedef size_t (*squadron_data_callback)(char *bytes, size_t size, size_t count, void *context);
typedef int (*squadron_prerequest_callback)(void *context, char *peer, char *local, int peer_port, int local_port);
typedef int (*squadron_socket_option_callback)(void *context, curl_socket_t socket, curlsocktype purpose);
typedef int (*squadron_resolver_start_callback)(void *resolver, void *reserved, void *context);

/// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode squadron_easy_set_data_callback(CURL *easy, CURLoption option, squadron_data_callback callback) {
    return curl_easy_setopt(easy, option, callback);
}

static inline CURLcode squadron_easy_set_prerequest(CURL *easy, squadron_prerequest_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
}

static inline CURLcode squadron_easy_set_socket_option(CURL *easy, squadron_socket_option_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, callback);
}

static inline CURLcode squadron_easy_set_resolver_start(CURL *easy, squadron_resolver_start_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, callback);
}

static inline long squadron_easy_info_long(CURL *easy, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}

/// CURLINFO_PRIVATE.
static inline void *_Nullable squadron_easy_private(CURL *easy) {
    char *value = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
    return value;
}

static inline CURLMcode squadron_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode squadron_multi_set_callbacks(
    CURLM *multi, curl_socket_callback on_socket, curl_multi_timer_callback on_timer, void *context) {
    CURLMcode result = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
    return result;
}

/// Sends an HTTP/2 PING on the connection of a transfer that runs; false where that can't be done now.
///
/// libcurl 7.88 has no call for it: `curl_easy_upkeep` knows only the connections of `curl_easy_perform`. So the frame
/// (17 bytes, RFC 9113, 6.7) is written here, between two calls of libcurl, through its TLS session. libcurl's own BIO
/// must not be used outside of its calls, so that one for the same socket takes its place meanwhile. OpenSSL is looked up at
/// run time, as libcurl's. The caller must see to it that libcurl has nothing half written. nghttp2 ignores the answer.
static inline _Bool squadron_http2_ping(CURL *easy, curl_socket_t socket) {
    static const unsigned char frame[17] = {0, 0, 8, 6, 0, 0, 0, 0, 0, 's', 'q', 'u', 'a', 'd', 'r', 'o', 'n'};
    struct curl_tlssessioninfo *session = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session) return 0;
    if (session->backend != CURLSSLBACKEND_OPENSSL || !session->internals) return 0;
    void *tls = session->internals;
    int (*want)(const void *) = (int (*)(const void *))dlsym(NULL, "SSL_want");
    void *(*get_bio)(const void *) = (void *(*)(const void *))dlsym(NULL, "SSL_get_wbio");
    int (*retain)(void *) = (int (*)(void *))dlsym(NULL, "BIO_up_ref");
    void *(*new_bio)(int, int) = (void *(*)(int, int))dlsym(NULL, "BIO_new_socket");
    void (*set_bio)(void *, void *) = (void (*)(void *, void *))dlsym(NULL, "SSL_set0_wbio");
    int (*write)(void *, const void *, int) = (int (*)(void *, const void *, int))dlsym(NULL, "SSL_write");
    void (*clear)(void) = (void (*)(void))dlsym(NULL, "ERR_clear_error");
    if (!want || !get_bio || !retain || !new_bio || !set_bio || !write || !clear) return 0;
    // Room for it, and no end of the connection in sight. SSL_NOTHING is 1, and SSL_READING 3.
    struct pollfd room = {socket, POLLOUT, 0};
    if (poll(&room, 1, 0) != 1 || room.revents != POLLOUT) return 0;
    if (want(tls) != 1 && want(tls) != 3) return 0;
    void *theirs = get_bio(tls), *ours = theirs ? new_bio(socket, 0) : NULL;
    if (!ours || !retain(theirs)) return 0;
    set_bio(tls, ours);
    int count = write(tls, frame, sizeof frame);
    set_bio(tls, theirs);
    clear();
    return count == sizeof frame;
}

/// For the calling thread; variadic like the rest.
static inline void squadron_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}
