"""What must survive a process.

segment        SegmentJournal: preallocated, mapped segment files; segment_file is the file, segment_read reads it
checkpoint     what the records of a journal up to one of them come to
"""
