/* log.h - one line on stderr for a person, lowercase, prefixed "treewarden: "
 *
 * The journal is the record; this is only what an operator sees while a job runs.  Thread-safe:
 * each call is one write(2).
 */
#ifndef TW_BASE_LOG_H
#define TW_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are not written.  Default LOG_WARN; set once before threads start. */
void log_set_level(enum log_level level);

/* Who speaks, e.g. "rank 2"; shown after "treewarden: ".  Copied, at most 31 bytes. */
void log_set_who(const char *who);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
