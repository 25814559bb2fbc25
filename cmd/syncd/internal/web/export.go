package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"syncd/cmd/syncd/internal/text"
)

// ExportStore is behind the download of everything.
type ExportStore interface {
	// Export writes everything that is kept as a zip archive, unencrypted.
	Export(ctx context.Context, w io.Writer, l text.Lang) error
}

// export sends everything. An archive that could not be written to its end is
// cut off, so that the browser says that it failed and nothing opens it.
func (s *server) export(w http.ResponseWriter, r *http.Request) error {
	// It takes longer than the server allows a page to; nobody but a guardian
	// can ask for it.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelDebug, "a download has no longer time than a page")
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="syncd-`+s.Now().In(s.zone).Format(time.DateOnly)+`.zip"`)
	if err := s.Store.Export(r.Context(), w, text.FromRequest(r)); err != nil {
		if r.Context().Err() == nil {
			s.Log.LogAttrs(r.Context(), slog.LevelError, "the download of everything failed", slog.Any("error", err))
		}
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut off an answer
	}
	return nil
}
