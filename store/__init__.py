"""What must survive a process.

segment        SegmentJournal: preallocated, mapped segment files; segment_file is the file, segment_read reads it
"""
