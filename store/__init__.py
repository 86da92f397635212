"""What must survive a process.

segment        SegmentJournal: preallocated, mapped segment files; segment_file is the file, segment_read reads it
journal_tail   reading a journal on and on beside its owner
checkpoint     what the records of a journal up to one of them come to
"""
