/* timeouts.h - every time limit of the rank loop, with what follows when it runs out */
#ifndef TW_SUP_TIMEOUTS_H
#define TW_SUP_TIMEOUTS_H

/* -- workers (host time, counted only while this loop runs) -- */
#define WORKER_BOOT_MS 10000u       /* a worker whose threads are not up by then is ended: start failed */
#define CUDA_BOOT_MS 60000u         /* ... of a CUDA device: the driver alone may take 7 s, one after the other */
#define WORKER_STOPPED_MS 1000u     /* stopped (SIGSTOP) this long: ended, its actors resume elsewhere */
#define SLOT0_SILENT_MS 2000u       /* no turn of slot 0 for so long: the worker is ended */
#define OWN_GAP_MS 1000u            /* a gap in our own loop this long starts all local watches again */

/* -- ranks -- */
#define BEAT_MS 500u                /* the root tells tree time, ranks answer with their load */
#define REPORT_AGAIN_MS 1000u       /* a report not answered by then is made again */
#define STREAMS_MS 5000u            /* the end waits this long for the stream sums of ranks that live */
#define VERDICT_MS 3000u            /* a disk that has not taken the verdict by then: the job ends all the same */
#define QUIT_MS 1500u               /* workers not reaped by then are left to the zygote */
#define CLOSE_MS 1000u              /* goodbyes among ranks */

#define LOST_RANK_MS 300u           /* ... and only so long when one of them is gone */
#define DRILL_AGAIN_MS 100u         /* a drill's target was between two lives: try again */
#define SIGNAL_TWICE_MS 200u        /* launchers deliver a signal twice; later than this it is meant */

#define COMMAND_MS 30000u           /* a command not done by then is answered with that */
#define KEEP_MS 30000u              /* a slot that is kept for a restart and not taken again by then is anybody's */

/* -- stops -- */
#define KILL_DEADLINE_MS 100u       /* a life told to end at once and still in its handler: fenced */

#endif
